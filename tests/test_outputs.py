"""What is said of outputs and steps, of files with known numbers."""

from math import inf

import numpy as np
import pytest
from scipy.stats import linregress

import perturb_network
from normscope import store
from normscope.outputs import channels
from normscope.results import layer_shifts, majorities, outputs, steps
from normscope.results.runs import Missing, Network, read

CLASSES, IMAGES = 3, 200
DIRECTIONS = (
    "random", "random_1", *(f"mean_{c}" for c in range(CLASSES)),
    *(f"eigenvector_{i}" for i in range(1, 5)),
)  # fmt: skip
GROUPS = ["none", *(name + sign for name in DIRECTIONS for sign in ("", "_minus"))]
LAYERS = [f"layer{i}_{kind}" for i in range(1, 5) for kind in ("conv", "norm", "act")]
OUTPUTS = "classifier_scale"


@pytest.fixture
def values():
    """Logits of deviation 1, 2 and 4 and mean 0."""
    draws = np.random.default_rng(0).normal(size=(IMAGES, CLASSES))
    return (draws - draws.mean(axis=0)) / draws.std(axis=0) * [1, 2, 4]


@pytest.fixture
def network(dataset_file, tmp_path, values):
    """Make a network whose steps have these numbers."""
    dataset_file()

    def make(
        name="mine", values=values, others=None, means=None, numbers=None,
        shares=None, lengths=(0.01, 0.05, inf), widths=(2, 3),
    ):  # fmt: skip
        arrays = {"none/values": values, "critical_length": np.array(lengths)}
        if others is not None:
            arrays["other_images/values"] = others
        for group in GROUPS:
            mean = (means or {}).get(group, np.zeros(CLASSES))
            share = (shares or {}).get(group, np.array([0.5, 0.3, 0.2]))
            arrays[f"{group}/{OUTPUTS}/mean"] = values.mean(axis=0) + mean
            arrays[f"{group}/predicted_share"] = share
        usual = {"loss": 2.0, "accuracy": 0.8, "length": 0.3}
        groups = {group: usual | (numbers or {}).get(group, {}) for group in GROUPS}
        about = {
            "outputs": OUTPUTS, "widths": list(widths), "loss_floor": 1.5,
            "longest_length": 0.2, "parameter_norm": 30.0,
        }  # fmt: skip
        path = tmp_path / f"seed0/{name}/perturbations.h5"
        store.write(str(path), perturb_network.LAYOUT, arrays, about, groups)
        return Network(path.parent)

    return make


def test_outputs_are_as_far_apart_as_they_are_shifted(network, values):
    here = network()
    # The second output by half a deviation, the third by a quarter.
    there = network("other", values=np.add(values, [0, 1, 1]))
    assert outputs.distance_of_outputs(here, here) == 0
    assert outputs.distance_of_outputs(there, here) == pytest.approx(0.5)
    stretched = network("stretched", values=values * [3, 1, 1])
    mean_magnitude = np.abs(values[:, 0]).mean()
    found = outputs.distance_of_outputs(stretched, here)
    assert found == pytest.approx(2 * mean_magnitude)
    # Seen from there, in three times larger deviations.
    found = outputs.distance_of_outputs(here, stretched)
    assert found == pytest.approx(2 * mean_magnitude / 3)


def test_a_second_batch_is_the_measure_of_distances(network, values):
    here = network(others=np.add(values, [0.2, 0, 0]))
    there = network("other", values=np.add(values, [0.5, 0, 0]))
    assert outputs.distance_between_batches(here) == pytest.approx(0.2)
    assert outputs.distance_to_batches(there, here) == pytest.approx(2.5)
    with pytest.raises(Missing, match="too few train images for a second batch"):
        outputs.distance_to_batches(here, there)
    same = network("same", others=values[::-1])
    with pytest.raises(Missing, match="two batches have the same outputs"):
        outputs.distance_to_batches(there, same)


@pytest.mark.parametrize(
    ("shares", "excess", "smallest"),
    [((1, 0, 0), 1, 0), ((1 / 3,) * 3, 0, 1), ((2 / 3, 1 / 6, 1 / 6), 0.5, 0.5)],
)
def test_shares_are_in_units_of_chance(network, shares, excess, smallest):
    here = network(shares={"none": np.array(shares)})
    assert outputs.largest_predicted_excess(here) == pytest.approx(excess)
    assert outputs.smallest_predicted_share(here) == pytest.approx(smallest)


def test_skewness_is_that_of_the_values(network):
    ends = np.ones((IMAGES, 3))
    for column, count in enumerate((20, 100, 180)):
        ends[:count, column] = 0
    # Of a Bernoulli variable (1 - 2 p) / sqrt(p (1 - p)), p of ones.
    found = outputs.skewnesses(network(values=ends))
    np.testing.assert_allclose(found, [-0.8 / 0.3, 0, 0.8 / 0.3], atol=1e-12)


def test_an_output_that_does_not_vary_is_missing(network, values):
    constant = network(values=values * [1, 0, 1])
    for quantity in (outputs.skewnesses, outputs.target_shifts, outputs.random_shifts):
        with pytest.raises(Missing, match="same for all images"):
            quantity(constant)


def test_shifts_are_in_deviations_of_the_output(network):
    means = {
        "random_1_minus": np.array([0, -0.2, 0]),
        "mean_0": np.array([0.5, 9, 9]),
        "mean_1": np.array([9, -0.5, 9]),
        "mean_2": np.array([9, 9, 8]),
        "eigenvector_2_minus": np.array([0, 0, -6]),
        "eigenvector_3": np.array([99, 0, 0]),  # beyond the first classes - 1
    }
    here = network(means=means)
    found = outputs.random_shifts(here)
    assert found.shape == (4, 3)
    assert found.max() == pytest.approx(0.1)
    np.testing.assert_allclose(outputs.target_shifts(here), [0.5, -0.25, 2])
    assert outputs.mean_target_shift(here) == pytest.approx(0.75)
    found = outputs.shifts_along_eigenvectors(here)
    assert found.shape == (4, 3)
    assert found.max() == pytest.approx(1.5)
    assert outputs.largest_shift_along_eigenvectors(here) == pytest.approx(1.5)


def test_losses_are_taken_without_their_floor(network):
    numbers = {
        "random_minus": {"loss": 1.9},
        "random_1": {"loss": 2.02},
        "mean_0": {"loss": 3.0, "accuracy": 0.6},
        "mean_1": {"loss": 2.5, "accuracy": 0.2},
        "mean_1_minus": {"loss": 9.0, "accuracy": 0.1},
    }
    here = network(numbers=numbers)
    found = outputs.random_loss_changes(here)
    np.testing.assert_allclose(sorted(found), [0, 0, 0.01, 0.05], atol=1e-12)
    assert outputs.lowest_accuracy_kept(here) == pytest.approx(0.25)
    assert outputs.excess_loss_ratio(here) == pytest.approx((1.5 + 1 + 0.5) / 3 / 0.5)
    still = network("still")
    assert outputs.lowest_accuracy_kept(still) == 1
    assert outputs.excess_loss_ratio(still) == 1
    nothing = network("nothing", numbers={"none": {"loss": 1.5, "accuracy": 0.0}})
    for quantity in (outputs.lowest_accuracy_kept, outputs.excess_loss_ratio):
        with pytest.raises(Missing):
            quantity(nothing)


def test_a_majority_is_more_than_half(network):
    shares = {"mean_0": np.array([0.51, 0.49, 0]), "mean_1": np.array([0, 0.5, 0.5])}
    narrow = network(shares=shares)
    assert majorities.classes_with_majority(narrow) == pytest.approx(1 / 3)
    with pytest.raises(Missing, match="the article's widths"):
        majorities.classes_with_majority_at_article_widths(narrow)
    wide = network("wide", shares=shares, widths=(64, 128, 256, 512))
    found = majorities.classes_with_majority_at_article_widths(wide)
    assert found == pytest.approx(1 / 3)


def test_the_median_counts_no_majority_as_the_longest_step(network):
    here = network(lengths=(0.01, inf, inf))
    np.testing.assert_array_equal(majorities.critical_lengths(here), [0.01, inf, inf])
    assert majorities.median_critical_length(here) == pytest.approx(0.2)
    assert majorities.median_critical_length(network("b")) == pytest.approx(0.05)


@pytest.fixture
def layered(network, tmp_path):
    """Make a network whose layers' channels have these shifts and deviations."""

    def make(shifts, deviations=None, widened=0.0, layers=(*LAYERS, OUTPUTS)):
        here = network()
        before, after = {}, {}
        for layer in layers:
            std = np.array((deviations or {}).get(layer, (2.0, 4.0, 1.0)))
            shift = shifts.get(layer, 0.0) * np.ones(3)
            before |= store.nested({"mean": np.ones(3), "std": std}, layer)
            moved = {"mean": 1 + shift, "std": std * (1 + widened)}
            after |= store.nested(moved, f"mean_0/{layer}")
        shown = steps.inner_layers(list(layers))
        about = {"layers": list(layers), "shown": shown, "outputs": OUTPUTS}
        store.write(here.file("channels.h5"), channels.LAYOUT, before, about)
        arrays, attributes = store.read(here.file("perturbations.h5"))
        arrays = {name: v for name, v in arrays.items() if "mean_0/" not in name}
        del attributes["members"]
        path = here.file("perturbations.h5")
        store.write(path, perturb_network.LAYOUT, arrays | after, attributes)
        read.cache_clear()
        return here

    return make


NORMS = [f"layer{i}_norm" for i in range(1, 5)]


@pytest.mark.parametrize(
    ("sizes", "falls"),
    [
        ((1, 2, 3, 4, 5), 0),
        ((9, 8, 3, 4, 5), 0),  # the first two are not asked
        ((1, 2, 3, 3, 5), 1),
        ((1, 2, 3, 4, 0.1), 1),
        ((5, 4, 3, 2, 1), 2),
    ],
)
def test_a_shift_grows_or_falls_from_the_third_layer_on(layered, sizes, falls):
    here = layered(dict(zip([*NORMS, OUTPUTS], sizes, strict=True)))
    assert list(layer_shifts.layer_shifts(here).values()) == pytest.approx(sizes)
    assert layer_shifts.falls_of_shift(here) == falls


def test_too_few_layers_do_not_say_whether_a_shift_grows(layered):
    here = layered({}, layers=("layer1_norm", "layer2_norm", OUTPUTS))
    with pytest.raises(Missing, match="fewer than four layers"):
        layer_shifts.falls_of_shift(here)


def test_shifts_after_activations_are_in_deviations(layered):
    here = layered(
        {"layer2_act": 0.2, "layer3_act": 0.1, "layer2_norm": 50, OUTPUTS: 9}
    )
    expected = 0.2 * np.sqrt(np.mean([1 / 4, 1 / 16, 1]))
    found = layer_shifts.inner_shift_after_activation(here)
    assert found == pytest.approx(expected)


def test_constant_channels_are_left_out(layered):
    shifts = {"layer2_act": 0.2, "layer2_norm": 0.2}
    here = layered(shifts, dict.fromkeys(LAYERS, (0.0, 2.0, 1e-09)), widened=0.01)
    assert layer_shifts.inner_shift_after_activation(here) == pytest.approx(0.1)
    found = layer_shifts.change_of_deviations_to_shift(here)
    assert found == pytest.approx(0.01 / np.sqrt(0.1**2 / 4))
    dead = layered(shifts, dict.fromkeys(LAYERS, (0.0, 0.0, 0.0)))
    with pytest.raises(Missing, match="no channel after an activation varies"):
        layer_shifts.inner_shift_after_activation(dead)
    with pytest.raises(Missing, match="no mean of an inner channel"):
        layer_shifts.change_of_deviations_to_shift(dead)


def test_widths_change_in_proportion_to_what_they_change_by(layered):
    steps = [0.01, 0.02, 0.1]
    found = [
        layer_shifts.change_of_deviations_to_shift(
            layered(dict.fromkeys(NORMS, 0.5), widened=-step)
        )
        for step in steps
    ]
    line = linregress(steps, found)
    assert line.intercept == pytest.approx(0, abs=1e-9)
    assert line.slope == pytest.approx(1 / (0.5 * np.sqrt(np.mean([1 / 4, 1 / 16, 1]))))

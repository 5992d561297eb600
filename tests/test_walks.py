"""Steps of many lengths along a direction: what walk_directions writes."""

import numpy as np
import pytest
import test_experiments
import torch
from scipy.stats import gaussian_kde
from test_experiments import IMAGES, PLACE
from test_settings import SCHEMA, changed
from torch.nn.utils import vector_to_parameters

import walk_directions
from normscope import store
from normscope.images import datasets
from normscope.job import UserError
from normscope.networks.files import load, prepare_analysis
from normscope.networks.parameters import flatten
from normscope.outputs.walks import POINTS, densities_on, logit_grid, uphill
from normscope.settings import config_error

LENGTHS = [0.03, -0.02, 0, 0.02]
STEP = 0.02  # of perturb_network, the length that decides the eigenvectors' signs
DIRECTIONS = ["mean_0", "mean_1", "mean_2", "eigenvector_1", "eigenvector_2"]
KINDS = [{"norm": "batch"}, {"norm": "batch", "frozen": True}]

perturbed = test_experiments.perturbed  # a fixture


@pytest.fixture
def walked(job, perturbed, tmp_path):
    """Walk along a network's directions; return the files."""

    def make(lengths=LENGTHS, **kind):
        files = perturbed(step=STEP, **kind) | {"walks": str(tmp_path / "walks.h5")}
        settings = {"images": IMAGES, "eigenvectors": 2, "walk_lengths": lengths}
        params = {"perturbation": settings, "random": 0, "smoothing": 0.5}
        outputs = {"walks": files["walks"]}
        walk_directions.main(job("walk_directions", files, outputs, params, **PLACE))
        return files

    return make


def walk_of(files, direction):
    """The data sets of a direction, and the sign of its steps."""
    arrays, _ = store.read(files["walks"], direction)
    sign = store.group_attributes(files["walks"])[direction]["sign"]
    return store.group(arrays, direction), sign


def test_all_lengths_of_all_directions_are_written(walked):
    arrays, facts = store.read(walked(norm="batch")["walks"])
    expected = {"lengths": (4,), "grid": (POINTS,)}
    for name in DIRECTIONS:
        expected |= {
            f"{name}/density": (4, 3, POINTS),
            f"{name}/mean": (4, 3),
            f"{name}/loss": (4,),
            f"{name}/accuracy": (4,),
            f"{name}/predicted_share": (4, 3),
        }
    assert {name: values.shape for name, values in arrays.items()} == expected
    assert arrays["lengths"].tolist() == sorted(LENGTHS)
    assert arrays["mean_0/density"].dtype == np.float32
    assert len(facts["classes"]) == 3
    assert facts["images"] == IMAGES
    assert {"seed", "network", "code"} <= facts.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_that_of_a_network_moved_by_hand(walked, loss, kind):
    files = walked(**kind)
    network = prepare_analysis(load(files["network"])[0], torch.device("cpu"))
    dataset = datasets.load(files["dataset"])
    ((images, labels),) = datasets.fixed_batches(dataset, 0, IMAGES, IMAGES)
    rows = store.read(files["gradients"])[0]["mean"].tolist()
    rows += store.read(files["eigenpairs"])[0]["eigenvectors"][:2].tolist()
    (grid,) = store.read(files["walks"], "grid")[0].values()
    start = flatten(network.parameters()).detach()
    for name, row in zip(DIRECTIONS, rows, strict=True):
        walk, sign = walk_of(files, name)
        unit = torch.tensor(row) / torch.tensor(row).norm()
        for index, length in enumerate(sorted(LENGTHS)):
            moved = start + sign * length * start.norm() * unit
            vector_to_parameters(moved, network.parameters())
            with torch.no_grad():
                logits = network(images)
            largest = logits.argmax(dim=1)
            right = (largest == labels).double().mean().item()
            shares = torch.eye(3)[largest].mean(dim=0)
            assert walk["loss"][index] == pytest.approx(loss(logits, labels).item())
            assert walk["accuracy"][index] == pytest.approx(right)
            np.testing.assert_allclose(walk["predicted_share"][index], shares)
            mean = logits.mean(dim=0)
            np.testing.assert_allclose(walk["mean"][index], mean, 1e-4, 1e-6)
            density = densities_on(grid, logits.numpy())
            atol = 0.01 * density.max()
            np.testing.assert_allclose(walk["density"][index], density, atol=atol)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_those_of_perturb_network(walked, kind):
    """To the bit, in the direction in which the loss is higher, for eigenvectors."""
    files = walked(**kind)
    steps = store.group_attributes(files["perturbations"])
    shares, _ = store.read(files["perturbations"])
    for name in DIRECTIONS:
        walk, sign = walk_of(files, name)
        groups = [f"{name}_minus", "none", name][::sign]
        found = dict(zip(groups, [0, 1, 2], strict=True))  # at -0.02, 0 and 0.02
        for group, index in found.items():
            assert walk["loss"][index] == steps[group]["loss"]
            assert walk["accuracy"][index] == steps[group]["accuracy"]
            share = shares[f"{group}/predicted_share"]
            np.testing.assert_array_equal(walk["predicted_share"][index], share)
        if name.startswith("eigenvector"):
            assert walk["loss"][2] > walk["loss"][0]
        else:
            assert sign == 1


def test_without_a_step_all_directions_are_the_same(walked):
    files = walked(norm="batch")
    first, *others = (walk_of(files, name)[0] for name in DIRECTIONS)
    for walk in others:
        assert walk["loss"][0] != first["loss"][0]
        for name, values in walk.items():
            np.testing.assert_array_equal(values[1], first[name][1])


@pytest.mark.parametrize(
    ("lengths", "decisive"),
    [
        ([-0.01, 0, 0.005, 0.01, 0.04], 0.01),
        ([-0.02, 0, 0.02], 0.02),
        ([0, 0.0075, 0.0125, 0.03], 0.0075),
        ([-0.04, -0.02, 0], 0.01),
    ],
)
def test_the_loss_rises_at_the_length_nearest_to_one_percent(lengths, decisive):
    """Hand-made: the loss is higher forwards at that length, and nowhere else."""

    def after(length):
        return {"loss": np.array(-length if abs(length) != decisive else length)}

    assert uphill(after, lengths) == 1
    assert uphill(lambda length: after(-length), lengths) == -1


def test_densities_on_a_grid_are_scipys_mean_over_its_steps(rng):
    logits = torch.randn(200, 3, generator=rng, dtype=torch.float64)
    logits[:, 1] = 0.01 * logits[:, 1] + 0.5  # between two points
    logits[:, 2] = logits[:, 2].exp()
    grid = np.linspace(-2, 3, 21)
    found = densities_on(grid, logits.numpy())
    for row, channel in zip(found, logits.numpy().T, strict=True):
        kde = gaussian_kde(channel)
        expected = [kde.integrate_box_1d(x - 0.125, x + 0.125) / 0.25 for x in grid]
        np.testing.assert_allclose(row, expected, atol=0.01 * max(expected))
    assert 0.25 * found[1].sum() == pytest.approx(1, abs=0.01)


def test_a_grid_covers_all_but_one_extreme_direction(rng):
    logits = torch.randn(5, 4, 100, 3, generator=rng).numpy()
    logits[1] = 1.5 * logits[1]
    grid = logit_grid(logits)
    assert len(grid) == POINTS
    np.testing.assert_allclose(np.diff(grid), grid[1] - grid[0])
    assert np.mean((grid[0] < logits) & (logits < grid[-1])) > 0.998
    assert grid[-1] - grid[0] < 1.06 * np.ptp(logits)
    logits[0] *= 1000
    wider = logit_grid(logits)
    assert np.mean((wider[0] < logits[1:]) & (logits[1:] < wider[-1])) > 0.998
    assert np.ptp(wider) < 2 * np.ptp(grid)


def test_a_grid_of_equal_logits_has_a_width():
    grid = logit_grid(np.full((2, 3, 4, 5), 7.0))
    assert (grid[0], grid[-1]) == (6.5, 7.5)


def test_lengths_after_which_nothing_is_finite_are_refused(walked):
    with pytest.raises(UserError, match=r"1e\+38 .* key perturbation\.walk_lengths"):
        walked(lengths=[0, 0.01, 1e38], norm="none")


@pytest.mark.parametrize("lengths", [[0, 0.1], [0, 0.1, 0.1], [0, 0.1, "long"]])
def test_lengths_other_than_three_numbers_or_more_are_refused(lengths):
    config = changed("perturbation/walk_lengths", lengths)
    assert "key perturbation.walk_lengths" in config_error(config, SCHEMA)

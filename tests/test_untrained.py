"""Quantities of untrained networks, from files made by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from normscope import store
from normscope.outputs import channels
from normscope.results import chains, untrained
from normscope.results.runs import (
    Experiment,
    Missing,
    all_chains_of,
    chains_of,
    read,
)


@pytest.fixture
def experiment(tmp_path):
    """Make an experiment of a seed whose file has these layers' data sets."""

    def make(layers, name="mine", **attributes):
        path = tmp_path / f"{name}.h5"
        arrays = {
            f"{layer}/{key}": np.array(value)
            for layer, values in layers.items()
            for key, value in values.items()
        }
        layout = {key: (" ".join("ab"[: np.ndim(v)]), "") for key, v in arrays.items()}
        store.write(str(path), layout, arrays, {"layers": list(layers)} | attributes)
        read.cache_clear()
        return Experiment(path)

    return make


NAMES = [name.removeprefix("*/") for name in channels.SUMMARY]


@pytest.fixture
def many(tmp_path):
    """Make chains whose layers have these numbers, one for each chain."""

    def make(layers, shown=None, name="relu", **attributes):
        count = len(next(iter(next(iter(layers.values())).values())))
        arrays = {
            f"{layer}/{key}": np.array(values.get(key, np.ones(count)), dtype=float)
            for layer, values in layers.items()
            for key in NAMES
        }
        path = tmp_path / f"chains/{name}.h5"
        path.parent.mkdir(exist_ok=True)
        attributes = {"width": 100, "images": 25} | attributes
        attributes["layers"] = shown or list(layers)
        store.write(str(path), channels.SUMMARY, arrays, attributes)
        read.cache_clear()
        return Experiment(path)

    return make


def of_one(experiment, chain):
    return Experiment(experiment.path, chain)


def test_a_seed_of_chains_has_chains_alone(many, tmp_path):
    many({"fc3": {"variance_between": [3.0, 1.0], "variance_within": [1.0, 1.0]}})
    settings = {
        "relu": {"depth": 3, "activation": "relu"},
        "conv": {
            "norm": "none", "inputs": "gaussian", "frozen": False,
            "norm_position": "before_activation",
        },
    }  # fmt: skip
    job = SimpleNamespace(
        params=SimpleNamespace(experiments=settings, chains=2),
        input=SimpleNamespace(dataset=str(tmp_path / "dataset.h5")),
    )
    (together,) = all_chains_of(job)
    apart = chains_of(job)
    found = [untrained.share_between(seed.experiment("relu"), 3) for seed in apart]
    assert found == [0.75, 0.5]
    assert together.experiment("relu").layer("fc3")["variance_between"].shape == (2,)
    for seed in (together, *apart):
        with pytest.raises(Missing, match="no network none"):
            seed.network("none")
        with pytest.raises(Missing, match="is a chain noise"):
            seed.experiment("noise")
        with pytest.raises(Missing, match="is a chain linear"):
            seed.experiment("linear")
        with pytest.raises(Missing, match="relu has no fc4"):
            untrained.share_between(seed.experiment("relu"), 4)


def test_parts_of_the_variance_of_one_chain(many):
    two = many({"fc2": {"variance_between": [16, 0], "variance_within": [9, 4]}})
    collapsed, kept = of_one(two, 0), of_one(two, 1)
    assert untrained.pooled_deviation(collapsed, 2) == 5
    assert untrained.deviation_within(collapsed, 2) == 3
    assert untrained.deviation_between(collapsed, 2) == 4
    assert chains.within_to_pooled(collapsed, 2) == pytest.approx(0.6)
    assert chains.within_to_pooled(kept, 2) == 1
    assert untrained.share_between(collapsed, 2) == pytest.approx(16 / 25)
    assert untrained.share_between(kept, 2) == 0


def test_rises_and_falls_are_those_of_shown_layers(many):
    between = {"fc1": [1, 1, 1], "fc2": [2, 2, 0.5], "fc3": [0, 0, 0], "fc4": [3, 2, 1]}
    layers = {name: {"variance_between": values} for name, values in between.items()}
    three = many(layers, shown=["fc1", "fc2", "fc4"])
    for chain, count in enumerate((0, 1, 1)):
        one = of_one(three, chain)
        assert chains.rises_of_within(one) == count
        assert chains.falls_of_share_between(one) == count
    one = of_one(many(layers), 0)
    assert chains.rises_of_within(one) == chains.falls_of_share_between(one) == 1


def test_the_order_of_a_single_layer_is_missing(many):
    one = of_one(many({"fc1": {"variance_between": [1.0]}}), 0)
    for quantity in (chains.rises_of_within, chains.falls_of_share_between):
        with pytest.raises(Missing, match="fewer than two layers"):
            quantity(one)


def test_what_is_stored_of_each_chain(many):
    two = many(
        {"fc1": {"largest_share_of_tens": [0.9, 0.2], "deviation_variation": [0.1, 2]}}
    )
    assert chains.largest_share_of_tens(of_one(two, 0), 1) == 0.9
    assert chains.largest_share_of_tens(of_one(two, 1), 1) == 0.2
    assert chains.variation_of_deviations(of_one(two, 0), 1) == 0.1
    assert chains.variation_of_deviations(of_one(two, 1), 1) == 2


def test_means_of_noise_are_those_of_sampling(many):
    """Channels of 25 independent values, with and without means of their own."""
    values = np.random.default_rng(0).normal(size=(25, 2000))
    apart = values + np.random.default_rng(1).normal(size=2000)
    lifted = apart + 1
    split = {
        "variance_between": [v.mean(axis=0).var() for v in (values, apart, lifted)],
        "variance_within": [v.var(axis=0).mean() for v in (values, apart, lifted)],
        "pooled_mean": [v.mean() for v in (values, apart, lifted)],
    }
    three = many({"fc1": split}, width=2000, images=25)
    noise, spread, one_sided = (of_one(three, chain) for chain in range(3))
    assert chains.between_to_sampling(noise, 1) == pytest.approx(1, abs=0.1)
    assert chains.between_to_sampling(spread, 1) == pytest.approx(26**0.5, rel=0.1)
    assert chains.mean_over_channels_to_sampling(spread, 1) < 3
    assert chains.mean_over_channels_to_sampling(one_sided, 1) > 30


def test_chains_at_once(many):
    theory = 2**0.5 * np.exp(-5 * 19 / (4 * 100))
    together = many(
        {
            "fc1": {
                "pooled_deviation": [2**0.5, 2**0.5, 2**0.5],
                "pooled_mean": [0, 0, 0],
            },
            "fc20": {
                "pooled_deviation": [theory / 4, theory * 2, theory * 8],
                "pooled_mean": [theory / 4, -theory * 2, 0],
                "variance_between": [2, 7, 1],
                "variance_within": [0, 1, 2],
            },
        }
    )
    found = chains.deviation_to_theory(together)
    np.testing.assert_allclose(found, [1, 4 ** (1 / 3)])
    found = chains.pooled_mean_to_deviation(together)
    np.testing.assert_allclose(found, [0, (2 / 3) ** 0.5])


def split(share):
    """A layer of which that share of the variance lies between channels."""
    density = np.zeros((2, 3))
    return {"density": density, "variance_between": share, "variance_within": 1 - share}


@pytest.mark.parametrize("last", [0.3, 0.9])
def test_a_conv_net_is_compared_with_a_chain_of_its_depth(experiment, last):
    names = ("prep_conv", "prep_act", "layer1_conv", "pool", "classifier_conv", "flat")
    conv = experiment({name: split(last) for name in names}, "conv")
    shares = {"fc1": 0.0, "relu1": 0.0, "fc2": 0.2, "fc3": 0.5, "fc4": 0.7}
    chain = experiment({name: split(share) for name, share in shares.items()})
    found = untrained.share_over_chain(conv, chain)
    assert found == pytest.approx(last - 0.5)
    shallow = experiment({"fc1": split(0.0)}, "shallow")
    with pytest.raises(Missing, match="shallow has no fc3"):
        untrained.share_over_chain(conv, shallow)


def test_norms_are_looked_at_behind_every_norm_layer(experiment):
    fixed = experiment(
        {
            "prep_conv": {"mean": [9.0, 9], "std": [9.0, 9]},
            "prep_norm": {"mean": [0.1, -0.3], "std": [0.8, 1.1]},
            "layer1_norm": {"mean": [0.0], "std": [1.0]},
        }
    )
    np.testing.assert_allclose(untrained.norm_means(fixed), [0.1, 0.3, 0])
    errors = untrained.norm_deviation_errors(fixed)
    np.testing.assert_allclose(errors, [0.2, 0.1, 0], atol=1e-12)


def test_dependence_is_that_of_the_logits(experiment):
    conv = experiment({"conv": split(0.1), "flatten": {"dependence_on_batch": 0.25}})
    assert untrained.dependence_on_batch(conv) == 0.25
    chain = experiment({"fc1": split(0.1)}, "chain")
    with pytest.raises(Missing, match="not a conv net"):
        untrained.dependence_on_batch(chain)


@pytest.mark.parametrize("width", [1023, 1024])
def test_the_theory_of_infinite_width_is_for_wide_chains(experiment, width):
    values = np.full(width, 0.5)
    values[0] = 2 * 2  # of a product of one matrix, the largest is 2 in theory
    linear = experiment({"singular_values": {"fc1": values}})
    if width < 1024:
        with pytest.raises(Missing, match="from width 1024 on"):
            untrained.singular_value_to_theory(linear, 1)
    else:
        assert untrained.singular_value_to_theory(linear, 1) == pytest.approx(2)
    with pytest.raises(Missing, match="does not look at fc5"):
        untrained.singular_value_to_theory(linear, 5)

"""Fully connected chains at initialisation do what theory says of them."""

from math import sqrt

import numpy as np
import pytest
import torch

import measure_chains
import measure_initialisation
from normscope import devices, store
from normscope.networks import chains
from normscope.outputs import activations, channels
from normscope.results.chains import deviation_to_theory
from normscope.results.runs import Experiment, read

LAYERS = (1, 2, 5, 10, 20, 50)


def variances(activation, seeds, width=1024, inputs=64, layers=LAYERS):
    """Variance between and within channels of layers, the mean over seeds: (2, L)."""
    total = 0
    for seed in range(seeds):
        rng = devices.generator(seed, "weights")
        chain = chains.build(max(layers), width, activation, rng)
        values = torch.randn(inputs, width, generator=rng)
        with torch.no_grad():
            found = {}
            activations.pass_through(chain, values, found.__setitem__)
        split = {
            name: channels.variance_split(
                {"mean": outputs.mean(dim=0), "std": outputs.std(dim=0)}
            )
            for name, outputs in found.items()
        }
        rows = [split[f"fc{layer}"].values() for layer in layers]
        total += torch.tensor([list(map(float, row)) for row in rows]).T
    return total / seeds


@pytest.fixture(scope="module")
def relu():
    """Of a ReLU chain, averaged until the wandering of finite widths is small."""
    return variances("relu", 32)


def test_relu_turns_variance_within_channels_into_differences_between(relu):
    between, within = relu.sqrt()
    theory = sqrt(2) * torch.tensor([1, 0.83, 0.57, 0.38, 0.23, 0.11])
    # Layers of 1,024 are not infinitely wide: 0.20 for 0.16 at the fiftieth.
    assert ((within / theory - 1).abs() < torch.tensor([0.15] * 5 + [0.4])).all()
    theory = torch.tensor([0.80, 1.17, 1.31, 1.37, 1.41])
    assert ((between[1:] / theory - 1).abs() < 0.15).all()
    assert between[0] < 0.3


def test_relu_keeps_the_total_variance(relu):
    assert (relu.sum(dim=0) / 2 - 1).abs().max() < 0.1


def test_channel_means_vanish_when_averaged_over_weights():
    means = []
    for seed in range(30):
        rng = devices.generator(seed, "test chains")
        fc1, relu1, fc2, _ = chains.build(2, 256, "relu", rng)
        inputs = torch.randn(64, 256, generator=rng)
        means.append(fc2(relu1(fc1(inputs))).mean(dim=0))
    means = torch.stack(means).detach()
    spread = means.std()
    assert spread == pytest.approx(0.80, rel=0.15)
    assert means.mean(dim=0).std() < 1.5 * spread / sqrt(30)


def test_a_linear_chain_does_not_collapse():
    between, within = variances("linear", 4, inputs=256).sqrt()
    assert ((within - 1).abs() < 0.15).all()
    assert (between < 0.1).all()


def test_a_shifted_and_scaled_relu_does_not_collapse():
    between, within = variances(
        "scaled_relu", 4, inputs=256, layers=(1, 2, 5, 10, 20)
    ).sqrt()
    assert ((within / sqrt(2) - 1).abs() < 0.15).all()
    assert (between / within < 0.2).all()


def test_singular_values_reach_the_edge_of_theory():
    chain = chains.build(50, 1024, "linear", devices.generator(0, "test chains"))
    values = chains.singular_values(chain, list(LAYERS))
    for depth in LAYERS:
        edge = sqrt((depth + 1) ** (depth + 1) / depth**depth)
        assert values[f"fc{depth}"][0].item() == pytest.approx(edge, rel=0.15)


def test_singular_values_are_those_of_the_map_itself(rng):
    chain = chains.build(3, 5, "linear", rng).double()
    values = chains.singular_values(chain, [3])
    product = torch.func.jacrev(chain)(torch.zeros(5).double())
    torch.testing.assert_close(values["fc3"], torch.linalg.svdvals(product))


def test_scaled_relu_has_mean_0_and_variance_1():
    line = torch.linspace(-12, 12, 100_001, dtype=torch.float64)
    weight = torch.exp(-line.square() / 4) / sqrt(4 * torch.pi)  # N(0, 2)
    outputs = chains.ScaledReLU()(line)
    mean = torch.trapezoid(outputs * weight, line).item()
    square = torch.trapezoid(outputs.square() * weight, line).item()
    assert (mean, square) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))


@pytest.fixture
def measured(job, tmp_path):
    """Measure chains of a kind; return the file's path."""

    def make(chains=2, images=40, **experiment):
        path = tmp_path / "chains/mine.h5"
        params = {"experiment": experiment, "images": images, "chains": chains}
        measure_chains.main(
            job(
                "measure_chains",
                {},
                {"statistics": str(path)},
                params,
                experiment="mine",
            )
        )
        read.cache_clear()
        return path

    return make


@pytest.mark.parametrize("activation", list(chains.ACTIVATIONS))
def test_chains_are_built_as_those_of_the_seeds_and_are_others(measured, activation):
    kind = {"depth": 4, "width": 30, "activation": activation, "layers": [4, 9, 2]}
    arrays, facts = store.read(str(measured(chains=3, **kind)))
    assert list(facts["layers"]) == ["fc2", "fc4"]
    assert (facts["width"], facts["depth"], facts["images"]) == (30, 4, 40)
    assert {name.split("/")[0] for name in arrays} == {"fc2", "fc4"}
    assert all(values.shape == (3,) for values in arrays.values())
    for seed in range(3):
        chain, _ = measure_initialisation.build_chain(kind, 40, seed)
        other = next(chain.parameters()).clone()
        rng = devices.generator(seed, "one of many chains")
        inputs = torch.randn(40, 30, generator=rng)
        chain = chains.build(4, 30, activation, rng)
        assert not torch.equal(other, next(chain.parameters()))
        layers = measure_initialisation.measure_layers(chain, inputs, [])
        for layer in ("fc2", "fc4"):
            for ours, theirs in (
                ("pooled_mean", "pooled/mean"),
                ("pooled_deviation", "pooled/std"),
                ("variance_between", "variance_between"),
                ("variance_within", "variance_within"),
            ):
                expected = layers[f"{layer}/{theirs}"].item()
                found = arrays[f"{layer}/{ours}"][seed]
                assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_norms_fall_with_depth_as_theory_says():
    """The premise of `deviation_to_theory`, of one input, without a chain."""
    width, depth, count = 100, 11, 40_000
    rng = np.random.default_rng(0)
    logarithm = np.zeros(count)  # of the squared norm
    for layer in range(1, depth + 1):
        error = abs(logarithm.mean() / 2 + 1.25 * (layer - 1) / width)
        assert error < 0.25 * 1.25 / width, layer  # a quarter of a layer's fall
        # Whatever the direction of the input, He's weights make of it independent
        # normals, of twice the variance.
        values = rng.normal(scale=sqrt(2 / width), size=(count, width))
        logarithm += np.log(np.square(np.maximum(values, 0)).sum(axis=1))


def pooled_deviations(width, depth, count, inputs, rng):
    """Of all values after each fc, the geometric mean over ReLU chains, in numpy."""
    logarithms = np.zeros(depth)
    for _ in range(count):
        values = rng.normal(size=(inputs, width))
        for layer in range(depth):
            weight = rng.normal(scale=sqrt(2 / width), size=(width, width))
            outputs = values @ weight
            logarithms[layer] += np.log(outputs.std()) / count
            values = np.maximum(outputs, 0)
    return np.exp(logarithms)


def test_deviations_of_chains_are_those_of_theory_and_of_a_simulation(measured):
    kind = {"depth": 20, "width": 128, "activation": "relu", "layers": [1, 5, 20]}
    found = deviation_to_theory(Experiment(measured(chains=100, **kind)))
    theory = fall(128, [1, 5, 20])
    rng = np.random.default_rng(0)
    shown = pooled_deviations(128, 20, 100, 40, rng)[[0, 4, 19]] / theory
    # A standard error is 0.036 at layer 20, where theory has fallen by 17 %. As inputs
    # that are not yet alike average out, a little more than theory is left.
    np.testing.assert_allclose(found, [1, 1.02, 1.06], atol=0.1)
    np.testing.assert_allclose(shown, [1, 1.02, 1.06], atol=0.1)
    np.testing.assert_allclose(found, shown, atol=0.15)


def fall(width, layers):
    """What `deviation_to_theory` is to divide by."""
    return np.array([sqrt(2) * np.exp(-5 * (n - 1) / (4 * width)) for n in layers])


def test_other_chains_are_not_as_the_theory_of_relu(measured):
    kind = {"depth": 20, "width": 64, "layers": [1, 5, 20]}
    found = deviation_to_theory(
        Experiment(measured(chains=10, activation="linear", **kind))
    )
    assert found[0] < 0.75

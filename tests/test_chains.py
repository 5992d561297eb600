"""Fully connected chains at initialisation do what theory says of them."""

from math import sqrt

import pytest
import torch

from normscope import devices
from normscope.networks import chains
from normscope.outputs import channels

LAYERS = (1, 2, 5, 10, 20, 50)


def variances(activation, seeds, width=1024, inputs=64, layers=LAYERS):
    """Variance between and within channels of layers, the mean over seeds: (2, L)."""
    total = 0
    for seed in range(seeds):
        rng = devices.generator(seed, "weights")
        chain = chains.build(max(layers), width, activation, rng)
        values = torch.randn(inputs, width, generator=rng)
        with torch.no_grad():
            split = {
                name: channels.variance_split(
                    {"mean": outputs.mean(dim=0), "std": outputs.std(dim=0)}
                )
                for name, outputs in channels.activations(chain, values)
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

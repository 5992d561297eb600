"""Networks that are changed inside, at fixed weights."""

import numpy as np
import pytest
import torch
from beyond_jobs import LOOKED, table_of
from test_curvature_scripts import HESSIAN, analysed  # noqa: F401
from torch import nn

import centre_inputs
import scale_convolutions
import step_off_means
from normscope import store
from normscope.curvature.subspaces import orthonormal
from normscope.images import datasets
from normscope.job import UserError
from normscope.networks import files
from normscope.networks.centred import centred
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.outputs import scaling


@pytest.fixture
def run(job, dataset_file, tmp_path):
    """Run a script whose output of that name is a CSV; return its table."""
    dataset = dataset_file()

    def make(script, output, params, files=None):
        path = {output: str(tmp_path / f"{script.__name__}.csv")}
        return table_of(script, job, {"dataset": dataset} | (files or {}), path, params)

    return make


def test_a_centred_network_is_the_same_function_with_other_gradients(tiny, batches):
    """By hand: the same weights' gradients on inputs without their means."""
    network, ((images, _),) = tiny(norm="batch", frozen=True), batches(1)
    other = centred(network, images)
    torch.testing.assert_close(other(images), network(images))
    moved = images + 1
    torch.testing.assert_close(other(moved), network(moved))
    # One layer: the gradient of the sum of its outputs, by an explicit shift.
    conv = nn.Conv2d(2, 3, 3, padding=1, bias=False).double()
    inputs = torch.rand(4, 2, 5, 5, dtype=torch.float64)
    alone = centred(nn.Sequential(conv), inputs)
    (found,) = torch.autograd.grad(alone(inputs)[:, 0].sum(), alone.parameters())
    shifted = inputs - inputs.mean(dim=(0, 2, 3), keepdim=True)
    (expected,) = torch.autograd.grad(conv(shifted)[:, 0].sum(), conv.parameters())
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(alone(inputs), conv(inputs))


class Relu(nn.Sequential):
    """Convolution, ReLU and a norm, of channels that are normal."""

    def __init__(self, means):
        conv = nn.Conv2d(4, 4, 1, bias=False)
        nn.init.eye_(conv.weight.data[:, :, 0, 0])
        norm = nn.BatchNorm2d(4, affine=False)
        norm.running_mean.copy_(means)
        super().__init__(conv, nn.ReLU(), norm)


def test_the_slope_of_normal_channels_is_that_of_theory(rng):
    deviations = torch.tensor([0.5, 1, 2, 3])[:, None, None]
    images = torch.randn(400, 4, 16, 16, generator=rng) * deviations
    network = Relu(torch.zeros(4)).eval()
    (block,) = scaling.blocks(network, images)
    before = network[0].weight.clone()
    row = scaling.rescaled(network, images, block, 0.05)
    assert torch.equal(network[0].weight, before)
    assert row["slope"] == pytest.approx(1 / np.sqrt(2 * np.pi), rel=0.01)
    assert row["kurtosis"] == pytest.approx(3, rel=0.05)
    mean_behind = (deviations.mean() / np.sqrt(2 * np.pi)).item()
    assert row["rise"] == pytest.approx(0.05 * mean_behind, rel=0.02)
    assert row["fall"] == pytest.approx(-0.05 * mean_behind, rel=0.02)


def test_scaled_layers_are_those_with_a_norm_behind(tiny, batches):
    ((images, _),) = batches(1)
    after = tiny(norm="batch", norm_position="after_activation", frozen=True)
    assert list(scaling.blocks(after, images)) == [
        ("prep_conv", "prep_act", "prep_norm"),
        ("layer1_conv", "layer1_act", "layer1_norm"),
        ("layer1_extra_conv", "layer1_extra_act", "layer1_extra_norm"),
    ]
    assert list(scaling.blocks(tiny(norm="none"), images)) == []


def test_centring_is_measured_in_both_ways(run, network_file):
    table = run(
        centre_inputs,
        "centring",
        {"hessian": LOOKED, "smoothing": 0.5},
        {"network": network_file(norm="batch", frozen=True)},
    )
    assert table.inputs.tolist() == ["as they are", "centred"]
    assert (table.inner_gradient > 0).all()
    assert table.lambda_1[0] != table.lambda_1[1]


def test_convolutions_are_scaled_one_by_one(run, network_file):
    after = {"norm": "batch", "norm_position": "after_activation", "frozen": True}
    table = run(
        scale_convolutions,
        "scaling",
        {"images": 12},
        {"network": network_file(**after)},
    )
    assert table.layer.tolist() == ["prep_conv", "layer1_conv", "layer1_extra_conv"]
    assert (table.rise > 0).all()
    assert (table.fall < 0).all()
    with pytest.raises(UserError, match="mine has no norm behind an activation"):
        run(
            scale_convolutions,
            "scaling",
            {"images": 12},
            {"network": network_file(norm="none")},
        )


def test_steps_off_the_means_by_hand(run, analysed, loss):  # noqa: F811
    made = analysed(norm="none")
    given = {"network": made["network"], "gradients": made["gradients"]}
    params = {"hessian": HESSIAN, "smoothing": 0.5, "step": 0.01}
    table = run(step_off_means, "steps", params, given)
    assert table["class"].tolist() == [0, 1, 2] * 2
    assert table.moment.tolist() == ["variance"] * 3 + ["third_moment"] * 3
    gradients, _ = store.read(made["gradients"])
    means = torch.from_numpy(gradients["mean"]).double()
    gradient = torch.from_numpy(gradients["third_moment"][1]).double()
    coefficients = torch.linalg.lstsq(means.T, gradient[:, None], driver="gelsd")[0]
    rest = gradient - means.T @ coefficients[:, 0]
    assert table.squared_gradient[4] == pytest.approx((rest @ rest).item(), rel=1e-3)
    network = files.prepare_analysis(
        files.load(made["network"])[0], torch.device("cpu")
    )
    data = datasets.fixed_batches(datasets.load(made["dataset"]), 0, 10, 20)
    parameters = detached(network)
    norm = flatten(parameters.values()).norm().item()

    def value(length):
        unit = (rest / rest.norm()).float()
        moved = perturbed(parameters, unit, length)
        outputs = [
            loss(torch.func.functional_call(network, moved, (x,)), y) for x, y in data
        ]
        return torch.stack(outputs).mean().item()

    expected = (value(0.01 * norm) + value(-0.01 * norm)) / 2 - value(0.0)
    assert table.loss_rise[4] == pytest.approx(expected, rel=0.02, abs=2e-6)
    assert len(orthonormal(means)) <= 3

"""Networks that are trained on, pushed until they break, or changed inside."""

import copy
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from test_curvature_scripts import HESSIAN, analysed  # noqa: F401
from torch import nn
from torch.nn.functional import cross_entropy

import centre_inputs
import scale_convolutions
import step_off_means
import train_on
import watch_stress
from normscope import devices, store
from normscope.curvature import decomposition
from normscope.curvature.breaking import orthonormal
from normscope.curvature.hessian import Hessian
from normscope.images import datasets
from normscope.job import UserError
from normscope.networks import breakaway, conv_net, files, schedules
from normscope.networks.centred import centred
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.outputs import scaling
from normscope.outputs.inner_means import inner_mean

TRAINING = {"batch_size": 6, "momentum": 0.9, "weight_decay": 1e-4}
LOOKED = {"images": 12, "batch_size": 12, "tolerance": 1e-3}


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


def test_the_inner_mean_is_that_of_the_norms_outputs(tiny, batches):
    network, ((images, _),) = tiny(norm="batch", frozen=True), batches(1)
    ratios = []
    x = images
    for name, layer in network.named_children():
        x = layer(x)
        if name.endswith("_norm"):
            rows = x.transpose(0, 1).flatten(1)
            ratios.append(
                (rows.mean(1).square().sum() / rows.var(1).sum()).sqrt().item()
            )
    assert inner_mean(network, images) == pytest.approx(np.mean(ratios))
    active = tiny(norm="batch")
    assert inner_mean(active, images) == pytest.approx(0, abs=1e-9)


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


@pytest.mark.parametrize(
    ("losses", "step"),
    [
        ([1.0] * 40, 40),
        ([1.0] * 20 + [9.1] * 20, 20),  # the mean of 16 is just above 1.5
        ([1.0] * 20 + [9.0] * 20, 21),  # and here it is 1.5
        ([1.0] * 20 + [2.0] * 20, 28),  # nine of 16 are higher
        ([1.0] * 20 + [np.nan] * 20, 20),
        ([3.0] * 16 + [1.0] * 20 + [2.0] * 20, 44),  # of the least, not the first
        ([1.0] * 3, 3),
    ],
)
def test_the_first_break_of_a_loss(losses, step):
    assert breakaway.first_break(losses) == step


@pytest.fixture
def run(job, dataset_file, network_file, tmp_path):
    """Run a script on fresh weights; return its table."""
    dataset = dataset_file()

    def make(script, output, params, files=None, **wildcards):
        name = script.__name__
        path = tmp_path / f"{name}.csv"
        inputs = {"dataset": dataset} | (files or {})
        place = {"seed": "0", "network": "mine"} | wildcards
        script.main(job(name, inputs, {output: str(path)}, params, **place))
        return pd.read_csv(path)

    return make


@pytest.fixture
def on(run, network_file, tmp_path):
    network = network_file(norm="batch", frozen=True)
    pairs = {
        "eigenvalues": np.array([2.0, -0.5]),
        "eigenvectors": np.eye(
            2, len(flatten(detached(files.load(network)[0]).values()))
        ),
        "residual_norms": np.zeros(2),
    }
    path = str(tmp_path / "hessian.h5")
    store.write(path, decomposition.LAYOUT, pairs, {})

    def make(factors):
        return run(
            train_on,
            "path",
            {
                "hessian": LOOKED,
                "smoothing": 0.5,
                "training": TRAINING,
                "factors": factors,
            },
            {"network": network, "eigenpairs": path},
        )

    return make


def test_training_on_is_looked_at_ever_more_rarely(on):
    table = on([0.1, 1])
    assert list(table) == [
        "factor", "learning_rate", "step", "loss", "lambda_1", "inner_mean",
        "mean_gradient",
    ]  # fmt: skip
    assert table.step.tolist() == [0, 3, 4] * 2
    limit = 2 * 1.9 / 2.8 / 2
    assert table.learning_rate.tolist() == pytest.approx(
        [0.1 * limit] * 3 + [limit] * 3
    )
    start = table[table.step == 0].drop(columns=["factor", "learning_rate"])
    assert start.iloc[0].tolist() == start.iloc[1].tolist()
    assert (table.loss[1:3].to_numpy() != table.loss[4:6].to_numpy()).all()


def test_training_on_ends_where_the_loss_is_not_finite(on):
    table = on([1e9])
    assert table.loss.iloc[-1] == np.inf
    assert table.lambda_1.isna().iloc[-1]


def test_a_killed_training_on_goes_on_with_the_next_rate(on, monkeypatch, tmp_path):
    expected = on([0.1, 1])
    trained, begun = train_on.trained, []

    def killed_once(job, network, dataset, rate, look, known):
        begun.append(rate)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return trained(job, network, dataset, rate, look, known)

    monkeypatch.setattr(train_on, "trained", killed_once)
    with pytest.raises(KeyboardInterrupt):
        on([0.1, 1])
    pd.testing.assert_frame_equal(on([0.1, 1]), expected)
    assert len(begun) == 3
    assert not list(tmp_path.rglob("*.partial"))


STRESS = {"epochs": 12, "start": 0.5, "doubling_epochs": 1}


@pytest.fixture
def watched(run, monkeypatch):
    monkeypatch.setattr(breakaway, "AVERAGED", 4)
    monkeypatch.setattr(watch_stress, "COARSE", 8)
    monkeypatch.setattr(watch_stress, "NEAR", 8)
    params = {
        "widths": [2, 3],
        "training": TRAINING,
        "stress": STRESS,
        "variant": {"norm": "none"},
        "hessian": LOOKED,
    }
    return partial(run, watch_stress, "watch", params)


def test_the_stress_test_is_watched_to_its_break(watched, dataset):
    """Its steps by torch alone: losses, rates and the way of a step."""
    table = watched()
    end = int(table.broken_at[0])
    network = conv_net.build(
        conv_net.Architecture((2, 3), 3, "relu"), devices.generator(0, "weights")
    )
    optimiser = torch.optim.SGD(
        network.parameters(), 0.0, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    schedule, rng = schedules.doubling(0.5, 1), devices.generator(0, "augmentation")
    (batch,) = datasets.fixed_batches(dataset, 0, 12, 12)
    step, expected, met = 0, {}, []
    for epoch in range(12):
        for place, (images, labels) in enumerate(
            datasets.augmented_batches(dataset, 6, rng), 1
        ):
            optimiser.param_groups[0]["lr"] = rate = schedule(epoch + place / 4)
            before = copy.deepcopy(network)
            loss = cross_entropy(network(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            met.append(loss.item())
            update = flatten(detached(network).values()) - flatten(
                detached(before).values()
            )
            expected[step] = before, rate, update
            step += 1
    assert end == breakaway.first_break(met)
    due = [s for s in range(end) if s % (4 if end - s <= 8 else 8) == 0]
    assert table.step.tolist() == due
    for row in table.itertuples():
        before, rate, update = expected[row.step]
        assert row.learning_rate == pytest.approx(rate)
        full = cross_entropy(before(batch[0]), batch[1]).item()
        assert row.loss == pytest.approx(full, rel=1e-4)
        hessian = Hessian(before, cross_entropy, [batch], 1.0)
        assert abs(row.update_cosine) <= 1
        quotient = (update @ hessian(update) / (update @ update)).item()
        assert quotient <= max(row.lambda_1, 0) * 1.01 + 1e-5


def test_a_killed_watch_goes_on_after_an_epoch(watched, monkeypatch, tmp_path):
    expected = watched()
    look, made = watch_stress.look, []

    def killed_once(*arguments):
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return look(*arguments)

    monkeypatch.setattr(watch_stress, "look", killed_once)
    with pytest.raises(KeyboardInterrupt):
        watched()
    monkeypatch.setattr(watch_stress, "broken_at", None)  # it is known
    pd.testing.assert_frame_equal(watched(), expected)
    assert not list(tmp_path.rglob("*.partial"))


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
    norm = flatten(parameters.values()).norm()

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

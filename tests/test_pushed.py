"""Networks that are trained on, or pushed until they break."""

import copy
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from beyond_jobs import LOOKED, table_of
from test_curvature_scripts import HESSIAN, analysed  # noqa: F401
from torch.nn.functional import cross_entropy

import train_on
import watch_stress
from normscope import devices, store
from normscope.curvature import decomposition
from normscope.curvature.hessian import Hessian
from normscope.images import datasets
from normscope.networks import breakaway, conv_net, files, schedules
from normscope.networks.parameters import detached, flatten
from normscope.outputs.inner_means import inner_mean

TRAINING = {"batch_size": 6, "momentum": 0.9, "weight_decay": 1e-4}


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
def run(job, dataset_file, tmp_path):
    """Run a script whose output of that name is a CSV; return its table."""
    dataset = dataset_file()

    def make(script, output, params, files=None):
        path = {output: str(tmp_path / f"{script.__name__}.csv")}
        return table_of(script, job, {"dataset": dataset} | (files or {}), path, params)

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
        assert row.limit == pytest.approx(2 * (1 + 0.9) / (1 + 2 * 0.9))
        full = cross_entropy(before(batch[0]), batch[1]).item()
        assert row.loss == pytest.approx(full, rel=1e-4)
        hessian = Hessian(before, cross_entropy, [batch], 1.0)
        assert abs(row.update_cosine) <= 1
        quotient = (update @ hessian(update) / (update @ update)).item()
        assert quotient <= max(row.lambda_1, 0) * 1.01 + 1e-5


def test_a_stress_test_that_does_not_break_is_watched_to_its_end(watched, monkeypatch):
    monkeypatch.setattr(breakaway, "RISE", 1e9)
    monkeypatch.setitem(STRESS, "start", 1e-4)
    table = watched()
    assert np.isinf(table.broken_at).all()
    assert table.step.iloc[-1] == 44


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

"""Training at learning rates that are held: the loop, the script and the figure."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
import torch
from running import changed, run
from torch.nn.functional import cross_entropy

import hold_learning_rates
import plot_held_rates
from normscope.images import datasets
from normscope.job import UserError
from normscope.networks import conv_net, held_rates

SETTINGS = {"batch_size": 6, "momentum": 0.9, "weight_decay": 1e-4}
COLUMNS = ["learning_rate", "train_loss", "train_accuracy", "diverged"]


@pytest.fixture
def network(rng):
    return conv_net.build(conv_net.Architecture((2, 3), 3, "relu", "batch"), rng)


def test_a_held_rate_is_plain_sgd_epoch_after_epoch(network, dataset):
    """Ten steps go through four batches of each of three epochs."""
    plain = copy.deepcopy(network)
    found = held_rates.hold(
        network,
        dataset,
        cross_entropy,
        0.3,
        SETTINGS | {"steps": 10},
        torch.Generator().manual_seed(3),
    )
    rng = torch.Generator().manual_seed(3)
    batches = [
        batch for _ in range(3) for batch in datasets.augmented_batches(dataset, 6, rng)
    ]
    optimiser = torch.optim.SGD(
        plain.parameters(), 0.3, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    met = []
    for images, labels in batches[:10]:
        logits = plain(images)
        loss = cross_entropy(logits, labels)
        met.append((loss.item(), (logits.argmax(1) == labels).float().mean().item()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for name, values in plain.state_dict().items():
        assert torch.equal(network.state_dict()[name], values), name
    expected = np.mean(met[-3:], axis=0)  # a quarter of ten, rounded up
    assert list(found) == COLUMNS
    assert found["learning_rate"] == 0.3
    assert [found["train_loss"], found["train_accuracy"]] == pytest.approx(expected)
    assert found["diverged"] is False


@pytest.mark.parametrize(("broken_at", "steps", "made"), [(9, 99, 16), (2, 5, 5)])
def test_a_divergence_ends_the_training_soon(network, dataset, broken_at, steps, made):
    calls = []

    def loss(logits, labels):
        calls.append(len(labels))
        factor = 1.0 if len(calls) < broken_at else torch.inf
        return factor * cross_entropy(logits, labels)

    found = held_rates.hold(
        network, dataset, loss, 0.1, SETTINGS | {"steps": steps}, torch.Generator()
    )
    assert len(calls) == made
    assert found["diverged"] is True
    assert not np.isfinite(found["train_loss"])
    assert 0 <= found["train_accuracy"] <= 1


@pytest.fixture
def held(job, dataset_file, tmp_path):
    """Run hold_learning_rates at those rates; return its table."""

    def make(rates, steps=4, norm="none", **training):
        path = tmp_path / "lr_held/mine.csv"
        params = {
            "widths": [2, 3],
            "training": SETTINGS | training,
            "held": {"rates": rates, "steps": steps},
            "variant": {"norm": norm, "norm_position": "before_activation"},
        }
        hold_learning_rates.main(
            job(
                "hold_learning_rates",
                {"dataset": dataset_file()},
                {"held": str(path)},
                params,
                seed="0",
                network="mine",
            )
        )
        return pd.read_csv(path)

    return make


def test_each_rate_starts_from_the_same_weights_and_images(held):
    all_rates = held([0.5, 0.01, 0.1], norm="batch")
    assert list(all_rates) == COLUMNS
    assert list(all_rates.learning_rate) == [0.01, 0.1, 0.5]
    assert not all_rates.diverged.any()
    for number, rate in enumerate([0.01, 0.1, 0.5]):
        alone = held([rate], norm="batch")
        pd.testing.assert_frame_equal(
            alone, all_rates.iloc[[number]].reset_index(drop=True)
        )
    assert all_rates.train_loss.nunique() == 3


def test_a_rate_that_diverges_does_not_end_the_test(held, capsys):
    table = held([0.01, 1e19, 2e19], steps=20)
    assert list(table.diverged) == [False, True, True]
    assert capsys.readouterr().out.count("learning_rate") == 3


def test_a_batch_larger_than_the_data_is_refused(held):
    with pytest.raises(UserError, match=r"training\.batch_size: 25.*24 train images"):
        held([0.1], batch_size=25)


def test_a_killed_test_goes_on_with_the_next_rate(held, tmp_path, monkeypatch):
    rates = [0.01, 0.1, 0.5]
    expected = held(rates, norm="batch")
    hold, begun = held_rates.hold, []

    def killed_once(network, dataset, loss, rate, settings, rng):
        begun.append(rate)
        if begun == [0.01, 0.1]:
            raise KeyboardInterrupt
        return hold(network, dataset, loss, rate, settings, rng)

    monkeypatch.setattr(held_rates, "hold", killed_once)
    (tmp_path / "lr_held/mine.csv").unlink()
    with pytest.raises(KeyboardInterrupt):
        held(rates, norm="batch")
    pd.testing.assert_frame_equal(held(rates, norm="batch"), expected)
    assert begun == [0.01, 0.1, 0.1, 0.5]
    assert not list(tmp_path.rglob("*.partial"))


def test_the_figure_shows_every_network_and_crosses_what_diverged(tmp_path):
    rows = [
        (0.05, 0.3, False, 0, "a"), (0.5, 0.1, True, 0, "a"),
        (0.05, 0.5, False, 0, "b"), (0.5, 0.6, False, 0, "b"),
        (0.05, 0.4, False, 1, "a"), (0.5, 0.2, False, 1, "a"),
        (0.05, 0.7, False, 1, "b"), (0.5, 0.8, False, 1, "b"),
    ]  # fmt: skip
    columns = ["learning_rate", "train_accuracy", "diverged", "seed", "network"]
    table = pd.DataFrame(rows, columns=columns)
    figure = plot_held_rates.draw(
        table, {"b": 0.5}, {"b": 0.4}, ["b", "c", "a"], "title", 4
    )
    (axis,) = figure.axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert lines["a"] == [[0.05, pytest.approx(0.35)]]
    assert lines["b"] == [[0.05, pytest.approx(0.6)], [0.5, pytest.approx(0.7)]]
    assert [0.25, 0.25] in [list(line.get_ydata()) for line in axis.lines]
    said = {found for artist in axis.collections if (found := artist.get_gid())}
    (ends,) = (line for line in axis.lines if line.get_gid())
    assert ends.get_gid() == "tip: b, trains up to 0.5, from this accuracy on: 0.4"
    assert ends.get_xydata()[1].tolist() == [0.5, 0.4]
    assert said == {
        "tip: a, 0.05: 0.35", "tip: a, 0.5: diverged",
        "tip: b, 0.05: 0.6", "tip: b, 0.5: 0.7",
    }  # fmt: skip


def test_what_is_built_alike_shares_a_test_of_its_rates(tmp_path):
    """That with a role in the argument stands for all, wherever it is in the config."""
    over = """
        networks:
          batch_norm: null
          frozen_batch_norm: null
          batch_norm_low_rate: null
          slow: {norm: batch, max_lr: 0.05}
          fast: {norm: batch, max_lr: 0.7}
          one: {norm: layer, max_lr: 0.1}
          two: {norm: layer, max_lr: 0.2}
    """
    output = run(tmp_path, "--dry-run", changed(tmp_path, over))
    for folder in ("lr_stress", "lr_held"):
        made = re.findall(rf"output: results/smoke/seed0/{folder}/(\w+)\.csv", output)
        assert sorted(made) == ["fast", "no_batch_norm", "one", "post_batch_norm"]
    for kind in ("stress_network", "trained_network"):
        drawn = re.findall(rf"figures/\d\d_{kind}_(\w+)\.svg", output)
        assert set(drawn) == {"fast", "no_batch_norm", "one", "post_batch_norm"}

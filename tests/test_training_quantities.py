"""What results say of training, from tables made by hand."""

from math import nan
from pathlib import Path

import pandas as pd
import pytest
from test_channel_figures import stress

from normscope.results import training
from normscope.results.roles import network_roles
from normscope.results.runs import Missing, Network, networks_of

BATCH = {"norm": "batch", "norm_position": "before_activation", "max_lr": 0.5}
LOW = BATCH | {"max_lr": 0.05}
POST = BATCH | {"norm_position": "after_activation"}
NONE = {"norm": "none", "norm_position": "before_activation", "max_lr": 0.05}


@pytest.fixture
def network(dataset_file, tmp_path):
    """A network of a run of ten classes."""
    dataset_file(classes=10)
    return Network(tmp_path / "seed0/mine", NONE)


def write(path, columns, **values):
    """A table of those columns; those without values are 1."""
    (length,) = {len(value) for value in values.values()}
    filled = {name: values.get(name, [1.0] * length) for name in columns}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(filled).to_csv(path, index=False)


@pytest.fixture
def held(network):
    """The network with its accuracy by held rate, None where it diverged."""

    def make(accuracies):
        write(
            network.held_file(),
            training.HELD,
            learning_rate=list(accuracies),
            train_loss=[nan if each is None else 2.0 for each in accuracies.values()],
            train_accuracy=[0.9 if x is None else x for x in accuracies.values()],
            diverged=[each is None for each in accuracies.values()],
        )
        return network

    return make


@pytest.mark.parametrize(
    ("accuracies", "rate", "all_of_them"),
    [
        ({0.01: 0.3, 0.1: 0.5, 1.0: 0.31, 10.0: 0.1}, 1.0, 0),
        ({0.01: 0.3, 0.1: 0.5, 1.0: 0.29, 10.0: 0.1}, 0.1, 0),
        ({0.01: 0.3, 0.1: 0.5, 1.0: 0.1, 10.0: 0.4}, 10.0, 1),
        ({0.01: 0.1, 0.1: 0.16, 1.0: None}, 0.1, 0),
        ({0.01: 0.5, 0.1: 0.1, 1.0: None}, 0.01, 0),
    ],
)
def test_a_network_trains_half_as_well_as_at_its_best(
    held, accuracies, rate, all_of_them
):
    network = held(accuracies)
    assert training.highest_rate(network) == rate
    best, chance = max(filter(None, accuracies.values())), 1 / network.classes
    expected = chance + (best - chance) / 2
    assert training.least_accuracy(network) == pytest.approx(expected)
    if all_of_them:
        with pytest.raises(Missing, match="at the highest of the held"):
            training.lowest_failing_rate(network)
    else:
        following = min(other for other in accuracies if other > rate)
        assert training.lowest_failing_rate(network) == following


@pytest.mark.parametrize("accuracies", [{0.1: 0.14, 1.0: 0.1}, {0.1: None, 1.0: None}])
def test_a_network_that_no_rate_trains_has_no_highest(held, accuracies):
    network = held(accuracies)
    with pytest.raises(Missing, match="at none of the held learning rates"):
        training.highest_rate(network)
    with pytest.raises(Missing):
        training.lowest_failing_rate(network)


def test_what_is_learnt_at_the_rate_of_another_starts_at_chance(held, tmp_path):
    network = held({0.05: 0.4, 0.5: 0.12, 5.0: None})
    for rate, accuracy in ((0.5 + 1e-15, 0.12), (0.05, 0.4), (5.0, 0.0)):
        other = Network(tmp_path / "seed0/other", BATCH | {"max_lr": rate})
        found = training.learnt_share_at_rate_of(network, other)
        assert found == pytest.approx((accuracy - 0.1) / 0.9)
    other = Network(tmp_path / "seed0/other", BATCH | {"max_lr": 0.51})
    with pytest.raises(
        Missing, match=r"learning_rate_stress\.held\.rates lacks the rate 0\.51$"
    ):
        training.learnt_share_at_rate_of(network, other)


@pytest.fixture
def trained(network):
    def make(**columns):
        count = len(next(iter(columns.values())))
        write(
            network.file("training.csv"),
            training.TRAINING,
            epoch=range(1, count + 1),
            **columns,
        )
        return network

    return make


def test_accuracy_after_a_part_is_that_of_its_last_epoch(trained):
    network = trained(train_accuracy=[0.1 * epoch for epoch in range(1, 11)])
    for part, expected in ((0.3, 0.3), (0.5, 0.5), (0.51, 0.6), (0.01, 0.1), (1, 1)):
        assert training.accuracy_after(network, part) == pytest.approx(expected)


def test_what_is_learnt_is_the_way_from_chance_to_all(trained):
    assert training.learnt_share(trained(train_accuracy=[0.9, 0.55])) == pytest.approx(
        0.5
    )
    assert training.learnt_share(trained(train_accuracy=[0.1])) == pytest.approx(0)


def test_the_gap_of_modes_is_the_largest_of_either_sign(trained):
    network = trained(
        train_mode_accuracy=[0.9, 0.5, 0.2, 0.9],
        evaluation_mode_accuracy=[0.1, 0.1, 0.5, 0.8],
    )
    assert training.mode_gap(network) == pytest.approx((-0.3 + 0.1) / 2)
    network = trained(
        train_mode_accuracy=[0.5, 0.9], evaluation_mode_accuracy=[0.1, 0.9]
    )
    assert training.mode_gap(network) == pytest.approx(0)


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        # The rate decides, not the place.
        (
            {
                "a": LOW, "b": BATCH, "c": NONE, "d": {"freeze": "a"},
                "e": {"freeze": "b"},
            },
            {"batch_norm": "b", "batch_norm_low_rate": "a", "none": "c", "frozen": "e"},
        ),
        # One alone is batch_norm, whatever its rate.
        (
            {"a": LOW, "c": NONE, "d": {"freeze": "a"}},
            {"batch_norm": "a", "none": "c", "frozen": "d"},
        ),
        # A copy of another than batch_norm has no role.
        ({"a": BATCH, "b": BATCH, "c": {"freeze": "b"}}, {"batch_norm": "a"}),
        ({"a": LOW, "b": BATCH}, {"batch_norm": "a"}),
        (
            {"c": NONE, "p": POST | {"max_lr": 0.05}, "f": {"freeze": "p"}, "b": LOW},
            {"none": "c", "post": "p", "frozen_post": "f", "batch_norm": "b"},
        ),
        (
            {"c": NONE, "a": LOW, "b": LOW, "d": BATCH | {"max_lr": 3.0}, "e": BATCH},
            {"none": "c", "batch_norm": "d", "batch_norm_low_rate": "a"},
        ),
        # All at the rate without norm.
        (
            {"a": LOW, "b": LOW, "c": NONE},
            {"none": "c", "batch_norm": "a", "batch_norm_low_rate": "b"},
        ),
        # Without batch norm.
        ({"c": NONE, "l": {**BATCH, "norm": "layer"}}, {"none": "c"}),
    ],
)  # fmt: skip
def test_roles_follow_from_norms_and_rates(variants, expected):
    assert network_roles(variants) == expected


def test_the_stable_rate_is_the_last_near_the_best(tmp_path):
    network = stress_file(tmp_path, stress(["a"], 1))
    assert training.stable_rate(network) == pytest.approx(0.16)


def test_a_network_that_breaks_at_once_has_no_stable_rate(tmp_path):
    table = stress(["a"], 1)
    network = stress_file(tmp_path, table[table.epoch == 5].assign(epoch=1))
    assert training.stable_rate(network) == 0


def stress_file(folder, table):
    """The network a, with a file of its stress test."""
    path = folder / "seed0/lr_stress/a.csv"
    path.parent.mkdir(parents=True)
    rest = dict.fromkeys(training.STRESS.keys() - set(table), 1.0)
    table.assign(**rest)[list(training.STRESS)].to_csv(path, index=False)
    (network,) = networks_of([str(path)])
    return network

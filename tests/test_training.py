"""Loss, schedule and optimiser, against their formulas."""

import copy
from functools import partial

import numpy as np
import pytest
import torch

from normscope.images import datasets
from normscope.networks import conv_net, losses, modes, schedules, training
from normscope.networks.parameters import flatten
from normscope.resume import State

SETTINGS = {"momentum": 0.9, "weight_decay": 1e-4, "batch_size": 6, "epochs": 2}


def test_the_schedule_has_its_values_at_the_knots_and_between():
    schedule = schedules.piecewise_linear([0, 4, 20], [0, 5.0, 0])
    epochs = [0, 2, 4, 10, 12, 20, 25]
    assert [schedule(epoch) for epoch in epochs] == [0, 2.5, 5, 3.125, 2.5, 0, 0]


def test_a_doubling_rate_is_the_articles_between_epochs_too():
    schedule = schedules.doubling(0.005, 2)
    knots = [0.005 * 2 ** (epoch / 2) for epoch in range(26)]
    assert [schedule(epoch) for epoch in range(26)] == pytest.approx(knots)
    assert schedule(25) == pytest.approx(28.96, abs=0.01)
    assert schedule(7.25) == pytest.approx(0.75 * knots[7] + 0.25 * knots[8])


def test_the_loss_is_cross_entropy_and_half_the_mean_log_probability(rng):
    logits = torch.randn(7, 4, generator=rng)
    labels = torch.tensor([0, 1, 2, 3, 3, 2, 1])
    p = torch.softmax(logits, dim=1).numpy()
    expected = np.mean(
        [
            -np.log(row[label]) - 0.5 * np.log(row).mean()
            for row, label in zip(p, labels, strict=True)
        ]
    )
    loss = losses.smoothed_cross_entropy(logits, labels, 0.5)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


@pytest.fixture
def network(rng):
    return conv_net.build(conv_net.Architecture((2, 3), 3, norm="batch"), rng)


def test_training_equals_the_articles_update_written_out(network, dataset, loss, state):
    """v = 0.9 v + g with g = gradient + 1e-4 w; then w -= rate (g + 0.9 v)."""
    plain = copy.deepcopy(network)
    schedule = schedules.piecewise_linear([0, 4, 20], [0, 0.5, 0])
    rows = list(
        training.train(
            network,
            dataset,
            loss,
            schedule,
            SETTINGS,
            torch.Generator().manual_seed(3),
            state,
        )
    )
    rng = torch.Generator().manual_seed(3)
    weights = list(plain.parameters())
    velocity = [torch.zeros_like(weight) for weight in weights]
    for epoch in range(2):
        for step, (images, labels) in enumerate(
            datasets.augmented_batches(dataset, 6, rng), 1
        ):
            gradients = torch.autograd.grad(loss(plain(images), labels), weights)
            with torch.no_grad():
                for weight, gradient, v in zip(
                    weights, gradients, velocity, strict=True
                ):
                    decayed = gradient + 1e-4 * weight
                    v.mul_(0.9).add_(decayed)
                    weight -= schedule(epoch + step / 4) * (decayed + 0.9 * v)
    torch.testing.assert_close(flatten(network.parameters()), flatten(weights))
    assert [row["learning_rate"] for row in rows] == [0.125, 0.25]
    assert [row["epoch"] for row in rows] == [1, 2]


@pytest.mark.parametrize("killed_after", [1, 2])
def test_training_goes_on_from_the_last_epoch_with_the_same_bits(
    dataset, loss, tmp_path, killed_after
):
    schedule = schedules.piecewise_linear([0, 4, 20], [0, 0.5, 0])
    settings = SETTINGS | {"epochs": 3}

    def epochs(name):
        weights = torch.Generator().manual_seed(1)
        architecture = conv_net.Architecture((2, 3), 3, norm="batch")
        network = conv_net.build(architecture, weights)
        rng = torch.Generator().manual_seed(2)
        state = State(tmp_path / name, "this test")
        seen = modes.fixed_images(dataset, 6, torch.Generator().manual_seed(4))
        look = partial(modes.accuracies, batches=seen)
        return network, training.train(
            network, dataset, loss, schedule, settings, rng, state, look
        )

    undisturbed, rows = epochs("a")
    rows = list(rows)
    _, killed = epochs("b")
    for _ in range(killed_after):
        next(killed)
    resumed, again = epochs("b")
    again = list(again)
    for row in rows + again:
        del row["seconds"]
    assert again == rows
    for name, values in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], values), name


def test_training_learns(dataset, loss, rng, state):
    network = conv_net.build(conv_net.Architecture((8, 16), 3, norm="batch"), rng)
    settings = SETTINGS | {"epochs": 40}
    schedule = schedules.piecewise_linear([0, 10, 60], [0, 1.0, 0])
    rows = list(training.train(network, dataset, loss, schedule, settings, rng, state))
    assert rows[-1]["train_accuracy"] > 0.8
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]


def test_training_ends_where_the_loss_is_not_finite(network, dataset, loss, state):
    with torch.no_grad():
        network.classifier_conv.weight *= 1e38
    rng = torch.Generator().manual_seed(0)
    rows = list(
        training.train(network, dataset, loss, lambda epoch: 1e38, SETTINGS, rng, state)
    )
    assert len(rows) == 1
    assert not np.isfinite(rows[0]["train_loss"])
    again = training.train(
        network, dataset, loss, lambda epoch: 1e38, SETTINGS, rng, state
    )
    assert len(list(again)) == 1


def test_evaluation_weighs_every_image_alike(network, dataset):
    loss = partial(losses.smoothed_cross_entropy, smoothing=0.5)
    network.eval()
    in_pieces = training.evaluate(
        network, loss, datasets.plain_batches(dataset.train, dataset, 7)
    )
    at_once = training.evaluate(
        network, loss, datasets.plain_batches(dataset.train, dataset, 24)
    )
    assert in_pieces == pytest.approx(at_once)


def test_a_look_at_both_modes_changes_no_bit_of_the_training(
    network, dataset, loss, tmp_path
):
    """Against a plain loop of torch's own optimiser."""
    plain, rates = copy.deepcopy(network), [0.1, 0.2]
    seen = modes.fixed_images(dataset, 6, torch.Generator().manual_seed(9))
    rows = list(
        training.train(
            network,
            dataset,
            loss,
            lambda epoch: 0.1 if epoch <= 1 else 0.2,
            SETTINGS,
            torch.Generator().manual_seed(3),
            State(tmp_path / "a", "this test"),
            partial(modes.accuracies, batches=seen),
        )
    )
    rng = torch.Generator().manual_seed(3)
    optimiser = torch.optim.SGD(
        plain.parameters(), 0.0, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    for rate in rates:
        optimiser.param_groups[0]["lr"] = rate
        for images, labels in datasets.augmented_batches(dataset, 6, rng):
            optimiser.zero_grad()
            loss(plain(images), labels).backward()
            optimiser.step()
    for name, values in plain.state_dict().items():
        assert torch.equal(network.state_dict()[name], values), name
    assert [list(row)[-2:] for row in rows] == [
        ["train_mode_accuracy", "evaluation_mode_accuracy"]
    ] * 2
    for mode in ("train_mode_accuracy", "evaluation_mode_accuracy"):
        assert 0 <= rows[-1][mode] <= 1


def test_modes_are_those_of_the_same_network_by_hand(dataset, loss, rng, state):
    """With running statistics of another scale, evaluation mode gives other classes."""
    network = conv_net.build(conv_net.Architecture((8, 16), 3, norm="batch"), rng)
    settings = SETTINGS | {"epochs": 20}
    list(training.train(network, dataset, loss, lambda _: 0.5, settings, rng, state))
    for name, statistics in network.named_buffers():
        if "running" in name:
            statistics.uniform_(0.1, 5, generator=rng)
    before = copy.deepcopy(network.state_dict())
    seen = modes.fixed_images(dataset, 6, rng)
    found = modes.accuracies(network, seen)

    def right(one, mode):
        return torch.cat([one.train(mode)(x).argmax(1) == y for x, y in seen])

    assert not network.training
    for name, values in network.state_dict().items():
        assert torch.equal(before[name], values), name
    expected = [
        right(copy.deepcopy(network), mode).float().mean().item()
        for mode in (True, False)
    ]
    assert list(found.values()) == pytest.approx(expected)
    assert expected[0] > expected[1] + 0.1


def test_without_batch_norm_both_modes_are_one(dataset, rng):
    network = conv_net.build(conv_net.Architecture((2, 3), 3, norm="layer"), rng)
    found = modes.accuracies(network, modes.fixed_images(dataset, 6, rng))
    assert found["train_mode_accuracy"] == found["evaluation_mode_accuracy"]


@pytest.mark.parametrize(("batch_size", "sizes"), [(6, [6] * 4), (7, [7] * 3)])
def test_both_modes_see_whole_batches_of_images_as_they_are(dataset, batch_size, sizes):
    rng = torch.Generator().manual_seed(9)
    seen = modes.fixed_images(dataset, batch_size, rng)
    assert [len(labels) for _, labels in seen] == sizes
    rows = dataset.normalised(dataset.train.images).flatten(1)
    chosen = torch.cat([images for images, _ in seen]).flatten(1)
    places = torch.cdist(chosen, rows).argmin(dim=1)
    assert len(places.unique()) == sum(sizes)
    assert torch.equal(rows[places], chosen)
    labels = torch.cat([labels for _, labels in seen])
    assert torch.equal(dataset.train.labels[places], labels)
    assert not torch.equal(places, torch.arange(sum(sizes)))


def test_both_modes_see_no_more_images_than_need_be(dataset_file):
    dataset = datasets.load(dataset_file(train=300))
    for batch_size, sizes in ((100, [100] * 2), (290, [290])):
        seen = modes.fixed_images(dataset, batch_size, torch.Generator())
        assert [len(labels) for _, labels in seen] == sizes

"""Training by SGD with Nesterov momentum, an epoch at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite
from time import perf_counter

import torch
from torch import Tensor, nn

from normscope.images.datasets import (
    Batch,
    Dataset,
    augmented_batches,
    plain_batches,
)
from normscope.networks import sgd
from normscope.networks.losses import Loss
from normscope.networks.schedules import Schedule
from normscope.resume import State

COLUMNS = (
    "epoch", "learning_rate", "train_loss", "train_accuracy", "test_loss",
    "test_accuracy", "seconds",
)  # fmt: skip


def train(
    network: nn.Module,
    dataset: Dataset,
    loss: Loss,
    schedule: Schedule,
    settings: dict,
    rng: torch.Generator,
    state: State,
    look: Callable[[nn.Module], dict[str, float]] = lambda network: {},
) -> Iterator[dict[str, float]]:
    """Train in place; after each epoch save the state and yield its row.

    Where there is a saved state, its rows come first and training goes on from it.

    Train loss and accuracy are those met while training; the learning rate is that
    of the epoch's last step; seconds are of the training pass alone. What `look` finds
    in the network, whose weights and statistics it must leave as they are, joins the
    row. Ends after an epoch whose train loss is not finite. Raises UserError where a
    batch is larger than the data set.
    """
    batch_size = settings["batch_size"]
    steps = sgd.steps(len(dataset.train), batch_size)
    torch.manual_seed(rng.initial_seed())  # of layers such as dropout
    # Every step sets its learning rate.
    optimiser = sgd.optimiser(network, settings, 0.0)
    rows = _restored(state, network, optimiser, rng)
    yield from rows
    if rows and not isfinite(rows[-1]["train_loss"]):
        return
    for epoch in range(len(rows), settings["epochs"]):
        rates = [schedule(epoch + step / steps) for step in range(1, steps + 1)]
        start = perf_counter()
        batches = augmented_batches(dataset, batch_size, rng)
        trained = _train_epoch(network, loss, optimiser, batches, rates)
        seconds = perf_counter() - start
        batches = plain_batches(dataset.test, dataset, batch_size)
        tested = evaluate(network.eval(), loss, batches)
        values = (epoch + 1, rates[-1], *trained, *tested, seconds)
        rows.append(dict(zip(COLUMNS, values, strict=True)) | look(network))
        _save(state, rows, network, optimiser, rng)
        yield rows[-1]
        if not isfinite(rows[-1]["train_loss"]):
            return


def _save(
    state: State,
    rows: list[dict[str, float]],
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    rng: torch.Generator,
) -> None:
    """Keep all that `_restored` needs."""
    state.save(
        {
            "rows": rows,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "rng": rng.get_state(),
            "layers_rng": _layers_rng(),
        }
    )


def _restored(
    state: State,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    rng: torch.Generator,
) -> list[dict[str, float]]:
    """The rows of the epochs that are behind, all else set to where they ended."""
    saved = state.load()
    if saved is None:
        return []
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    rng.set_state(saved["rng"])
    _set_layers_rng(saved["layers_rng"])
    print(f"going on after epoch {len(saved['rows'])}")
    return saved["rows"]


def _layers_rng() -> list[Tensor]:
    """The state of the generators that layers such as dropout draw from."""
    of_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return [torch.get_rng_state(), *of_gpus]


def _set_layers_rng(states: list[Tensor]) -> None:
    of_cpu, *of_gpus = states
    torch.set_rng_state(of_cpu)
    if of_gpus:
        torch.cuda.set_rng_state_all(of_gpus)


def _train_epoch(
    network: nn.Module,
    loss: Loss,
    optimiser: torch.optim.Optimizer,
    batches: Iterable[Batch],
    rates: Sequence[float],
) -> tuple[float, float]:
    """A step on each batch at its rate; the mean loss and accuracy met on the way."""
    network.train()
    total = 0.0
    for batch, rate in zip(batches, rates, strict=True):
        optimiser.param_groups[0]["lr"] = rate
        total += sgd.step(network, loss, optimiser, batch)
    mean_loss, accuracy = (total / len(rates)).tolist()
    return mean_loss, accuracy


@torch.no_grad()
def evaluate(
    network: nn.Module, loss: Loss, batches: Iterable[Batch]
) -> tuple[float, float]:
    """Mean loss and accuracy over all images of the batches."""
    total, images_seen = 0.0, 0
    for images, labels in batches:
        logits = network(images)
        total += len(labels) * torch.stack(
            [loss(logits, labels), sgd.accuracy(logits, labels)]
        )
        images_seen += len(labels)
    mean_loss, accuracy = (total / images_seen).tolist()
    return mean_loss, accuracy

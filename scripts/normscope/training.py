"""Training by SGD with Nesterov momentum, an epoch at a time."""

from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from normscope import shapes
from normscope.datasets import (
    Batch,
    Dataset,
    augmented_batches,
    plain_batches,
    say_what_is_left_out,
)
from normscope.job import Refused
from normscope.resume import State
from normscope.schedules import Schedule

Loss = Callable[[Tensor, Tensor], Tensor]


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Mean over the batch of cross-entropy + smoothing x (minus mean log-probability).

    The article's label smoothing, with smoothing 0.5.
    """
    shapes.check(logits=(logits, "N K"), labels=(labels, "N"))
    log_probabilities = F.log_softmax(logits, dim=1)
    return F.nll_loss(log_probabilities, labels) - smoothing * log_probabilities.mean()


def train(
    network: nn.Module,
    dataset: Dataset,
    loss: Loss,
    schedule: Schedule,
    settings: dict,
    draws: torch.Generator,
    state: State,
) -> Iterator[dict[str, float]]:
    """Train in place; after each epoch save the state and yield its row.

    Where there is a saved state, its rows come first and training goes on from it.

    Train loss and accuracy are those met while training; the learning rate is that
    of the epoch's last step; seconds are of the training pass alone. Ends after an
    epoch whose train loss is not finite. Raises Refused where a batch is larger than
    the data set.
    """
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=0.0,
        momentum=settings["momentum"],
        nesterov=True,
        weight_decay=settings["weight_decay"],
    )
    batch_size = settings["batch_size"]
    if batch_size > len(dataset.train):
        raise Refused(
            f"config key training.batch_size: {batch_size}, but the data set has "
            f"{len(dataset.train)} train images; lower it"
        )
    say_what_is_left_out(len(dataset.train), batch_size)
    steps = len(dataset.train) // batch_size
    rows = _restored(state, network, optimiser, draws)
    yield from rows
    if rows and not isfinite(rows[-1]["train_loss"]):
        return
    for epoch in range(len(rows), settings["epochs"]):
        start = perf_counter()
        network.train()
        totals = torch.zeros(2, device=dataset.mean.device)
        batches = augmented_batches(dataset, batch_size, draws)
        for step, (images, labels) in enumerate(batches, 1):
            rate = schedule(epoch + step / steps)
            optimiser.param_groups[0]["lr"] = rate
            totals += _step(network, loss, optimiser, images, labels)
        train_loss, train_accuracy = (totals / steps).tolist()
        seconds = perf_counter() - start
        test = plain_batches(dataset.test, dataset, batch_size)
        test_loss, test_accuracy = evaluate(network.eval(), loss, test)
        rows.append(
            {
                "epoch": epoch + 1,
                "learning_rate": rate,
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "test_loss": test_loss,
                "test_accuracy": test_accuracy,
                "seconds": seconds,
            }
        )
        state.save(
            {
                "rows": rows,
                "network": network.state_dict(),
                "optimiser": optimiser.state_dict(),
                "draws": draws.get_state(),
            }
        )
        yield rows[-1]
        if not isfinite(train_loss):
            return


def _restored(
    state: State,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    draws: torch.Generator,
) -> list[dict[str, float]]:
    """The rows of the epochs that are behind, all else set to where they ended."""
    saved = state.load()
    if saved is None:
        return []
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    draws.set_state(saved["draws"])
    print(f"going on after epoch {len(saved['rows'])}")
    return saved["rows"]


def _step(
    network: nn.Module,
    loss: Loss,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
) -> Tensor:
    logits = network(images)
    value = loss(logits, labels)
    optimiser.zero_grad()
    value.backward()
    optimiser.step()
    return torch.stack([value.detach(), _accuracy(logits, labels)])


def _accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(dim=1) == labels).float().mean()


@torch.no_grad()
def evaluate(
    network: nn.Module, loss: Loss, batches: Iterable[Batch]
) -> tuple[float, float]:
    """Mean loss and accuracy over all images of the batches."""
    total, images_seen = 0.0, 0
    for images, labels in batches:
        logits = network(images)
        total += len(labels) * torch.stack(
            [loss(logits, labels), _accuracy(logits, labels)]
        )
        images_seen += len(labels)
    mean_loss, accuracy = (total / images_seen).tolist()
    return mean_loss, accuracy

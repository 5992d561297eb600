"""Training from scratch at a learning rate that is held."""

from collections.abc import Iterator, Sequence
from itertools import chain, count, islice
from math import ceil, isfinite

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.images.datasets import Batch, Dataset, augmented_batches
from normscope.networks import sgd
from normscope.networks.losses import Loss

CHECKED = 8  # steps between looks at whether the loss is finite; each waits for a GPU


def hold(
    network: nn.Module,
    dataset: Dataset,
    loss: Loss,
    rate: float,
    settings: dict,
    rng: torch.Generator,
) -> dict[str, float]:
    """Train in place at `rate` for settings["steps"] steps.

    Returns `learning_rate`, `train_loss`, `train_accuracy` and `diverged`. Loss and
    accuracy are the means of those met in the last quarter of the steps. A loss that is
    not finite ends the training within CHECKED steps; then they are of the last as many
    that were made.
    """
    optimiser = sgd.optimiser(network, settings, rate)
    network.train()
    torch.manual_seed(rng.initial_seed())  # of layers such as dropout
    met = []
    batches = endless(dataset, settings["batch_size"], rng)
    for number, batch in enumerate(islice(batches, settings["steps"]), 1):
        met.append(sgd.step(network, loss, optimiser, batch))
        if number % CHECKED == 0 and not isfinite(met[-1][0]):
            break
    return outcome(rate, met, settings["steps"])


def outcome(
    rate: float, met: Sequence[Float[Tensor, "2"]], steps: int
) -> dict[str, float]:
    """What `hold` returns, of losses and accuracies met in at most that many steps."""
    last = torch.stack(list(met[-ceil(steps / 4) :]))
    train_loss, accuracy = last.mean(dim=0).tolist()
    return {
        "learning_rate": rate,
        "train_loss": train_loss,
        "train_accuracy": accuracy,
        "diverged": not isfinite(train_loss),
    }


def endless(dataset: Dataset, batch_size: int, rng: torch.Generator) -> Iterator[Batch]:
    """The augmented batches of one epoch after the other."""
    epochs = (augmented_batches(dataset, batch_size, rng) for _ in count())
    return chain.from_iterable(epochs)

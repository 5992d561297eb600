"""The steps of a training whose learning rate grows, and the one at which it breaks."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from normscope.images.datasets import Batch, Dataset, augmented_batches
from normscope.networks.schedules import Schedule

AVERAGED = 16  # steps over which the loss is averaged
RISE = 1.5  # times the least such mean so far


def steps_of_epoch(
    dataset: Dataset,
    optimiser: torch.optim.Optimizer,
    schedule: Schedule,
    epoch: int,
    batch_size: int,
    rng: torch.Generator,
) -> Iterator[tuple[int, Batch]]:
    """Each step's number in the training, from 0 on, and its batch; the optimiser has
    the step's learning rate, as in `training.train`.
    """
    count = len(dataset.train) // batch_size
    batches = augmented_batches(dataset, batch_size, rng)
    for place, batch in enumerate(batches, 1):
        optimiser.param_groups[0]["lr"] = schedule(epoch + place / count)
        yield epoch * count + place - 1, batch


def first_break(losses: Sequence[float]) -> int:
    """The first step at which the loss has broken away, the number of losses if none.

    There the mean over the last 16 steps is not finite, or more than 1.5 times the
    least such mean before it.
    """
    sums = np.cumsum([0.0, *losses])
    means = (sums[AVERAGED:] - sums[:-AVERAGED]) / AVERAGED
    with np.errstate(invalid="ignore"):
        stays = means <= RISE * np.minimum.accumulate(means)
    broken = np.flatnonzero(~stays)
    return int(broken[0]) + AVERAGED - 1 if len(broken) else len(losses)

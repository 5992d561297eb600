"""Gradients of the logits that rival those of their moments: class means, placebos."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from normscope.images.datasets import Batch
from normscope.outputs.gradients import averaged_gradients

PLACEBOS = 8  # for each output
TINY = 1e-9  # so that a class without images has the mean 0 / TINY = 0


def rival_gradients(
    network: nn.Module, batches: Sequence[Batch], classes: int, rng: torch.Generator
) -> tuple[Float[Tensor, "{classes} P"], Float[Tensor, "d {classes} P"]]:
    """Gradients of the class means and of the placebos, averaged over the batches.

    A class mean is the mean of logit c over the images of class c. A batch without an
    image of the class does not count for it, and a class without any image has the
    gradient 0. A placebo is the mean over a batch of s_i z_ic, with a random sign s_i
    for each image; every output has eight, each with signs of its own.
    """
    present = torch.stack([_counts(labels, classes) > 0 for _, labels in batches])
    shares = present.float().mean(dim=0)
    for label in (shares == 0).nonzero().flatten().tolist():
        print(f"class {label} has no image here, and so no class mean")

    def numbers(
        logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]
    ) -> Float[Tensor, " R"]:
        own = F.one_hot(labels, classes)
        by_class = own / (own.sum(dim=0) * shares).clamp(min=TINY)
        signs = 2 * torch.randint(2, (PLACEBOS, *logits.shape), generator=rng) - 1
        placebos = signs.to(logits) / len(logits)
        weights = torch.cat([by_class.to(logits)[None], placebos])
        return (weights * logits).sum(dim=1).flatten()

    rows = averaged_gradients(network, batches, numbers, "class mean or placebo")
    return rows[:classes], rows[classes:].view(PLACEBOS, classes, -1)


def _counts(labels: Int64[Tensor, " N"], classes: int) -> Int64[Tensor, " {classes}"]:
    """How many of the labels are of each class."""
    return torch.bincount(labels, minlength=classes)

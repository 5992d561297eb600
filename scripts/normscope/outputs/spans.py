"""Gradients of the logits whose spans steps are to leave out, and placebos for them."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from normscope.images.datasets import Batch
from normscope.outputs.gradients import averaged_gradients
from normscope.outputs.moments import moment_gradients

PLACEBOS = 3  # for each output: as many as it has moments


def mean_gradients(
    network: nn.Module, batches: Sequence[Batch]
) -> Float[Tensor, "K P"]:
    """Gradient of each output's mean over a batch, averaged over the batches."""

    def numbers(
        logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]
    ) -> Float[Tensor, " K"]:
        return logits.mean(dim=0)

    return averaged_gradients(network, batches, numbers, "mean")


def all_gradients(network: nn.Module, batches: Sequence[Batch]) -> Float[Tensor, "M P"]:
    """Gradients of the outputs' first three moments, as rows."""
    return moment_gradients(network, batches).flatten(end_dim=1)


def placebo_gradients(
    network: nn.Module, batches: Sequence[Batch], draw: Callable[[], torch.Generator]
) -> Float[Tensor, "M P"]:
    """Gradients of means over a batch of s_i z_ic, three for each output c.

    The signs s_i, random for each image and row, come from the generator that `draw`
    makes: the same at each call where it makes the same.
    """
    rng = draw()

    def numbers(
        logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]
    ) -> Float[Tensor, " M"]:
        signs = 2 * torch.randint(2, (PLACEBOS, *logits.shape), generator=rng) - 1
        return (signs.to(logits) * logits).mean(dim=1).flatten()

    return averaged_gradients(network, batches, numbers, "placebo")

"""Moments of the outputs over a batch and their gradients by the parameters."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from normscope.images.datasets import Batch
from normscope.outputs.gradients import averaged_gradients

LAYOUT = {
    "mean": ("K P", "gradient of each output's mean over a batch"),
    "variance": ("K P", "gradient of each output's unbiased variance over a batch"),
    "third_moment": (
        "K P",
        "gradient of each output's third central moment over a batch",
    ),
    "parameters/name": ("L", "of each parameter tensor"),
    "parameters/shape": (
        "L D",
        "of a convolution out channels, in channels, height, width; 0 for a size that "
        "a tensor does not have",
    ),
    "parameters/offset": ("L", "of its first entry in the P parameters"),
}


def moments(outputs: Float[Tensor, "N K"]) -> Float[Tensor, "3 K"]:
    """Mean, unbiased variance and third central moment of each output.

    The third moment is not divided by the cubed deviation (the article's "skew").
    """
    mean = outputs.mean(dim=0)
    centred = outputs - mean
    variance = centred.square().sum(dim=0) / (len(outputs) - 1)
    return torch.stack([mean, variance, centred.pow(3).mean(dim=0)])


def moment_gradients(
    network: nn.Module, batches: Sequence[Batch]
) -> Float[Tensor, "3 K P"]:
    """Gradient of every moment of every output, averaged over the batches.

    Raises UserError where one is not finite.
    """

    def numbers(
        logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]
    ) -> Float[Tensor, " R"]:
        return moments(logits).flatten()

    rows = averaged_gradients(network, batches, numbers, "moment")
    return rows.view(3, -1, rows.shape[1])

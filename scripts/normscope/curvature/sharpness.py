"""How sharp the loss is where training is, and which way training goes there."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.curvature.hessian import Hessian
from normscope.images.datasets import Batch
from normscope.networks.losses import Loss
from normscope.networks.slopes import slope

Vector = Float[Tensor, " P"]


def batch_sharpness(network: nn.Module, loss: Loss, batches: Iterable[Batch]) -> float:
    """The mean over batches of g'Hg / ||g||^2, each with its own loss's g and H.

    Andreyev and Beneventano 2024 (arXiv 2412.20553): in training with batches it is
    this that comes to hover at 2 / rate.
    """
    found = []
    for batch in batches:
        _, gradient = slope(network, loss, [batch])
        product = Hessian(network, loss, [batch], memory_gb=0.0)(gradient)
        found.append(gradient @ product / (gradient @ gradient))
    return torch.stack(found).mean().item()


def share_within(vector: Vector, rows: Float[Tensor, "m P"]) -> float:
    """The part of the vector's squared length in the span of orthonormal rows; nan of a
    vector that is 0.
    """
    return ((rows @ vector).square().sum() / (vector @ vector)).item()

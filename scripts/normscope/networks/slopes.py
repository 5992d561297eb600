"""The loss of a network on fixed batches as a function of its parameters."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.images.datasets import Batch
from normscope.networks.losses import Loss
from normscope.networks.parameters import flatten, trainable, unflatten


@torch.no_grad()
def move_to(network: nn.Module, parameters: Float[Tensor, " P"]) -> None:
    """Give the network's trainable parameters these values, in place."""
    weights = trainable(network)
    for name, value in unflatten(parameters, weights).items():
        weights[name].copy_(value)


def slope(
    network: nn.Module, loss: Loss, batches: Sequence[Batch]
) -> tuple[float, Float[Tensor, " P"]]:
    """The mean over batches of each batch's mean loss, and its gradient."""
    weights = list(trainable(network).values())
    value, gradient = 0.0, None
    for images, labels in batches:
        of_batch = loss(network(images), labels)
        rows = flatten(
            torch.autograd.grad(
                of_batch, weights, allow_unused=True, materialize_grads=True
            )
        )
        value = value + of_batch.detach()
        gradient = rows if gradient is None else gradient + rows
    return value.item() / len(batches), gradient / len(batches)

"""SGD with Nesterov momentum, a step at a time."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from normscope.images.datasets import Batch, say_what_is_left_out
from normscope.job import UserError
from normscope.networks.losses import Loss


def steps(images: int, batch_size: int) -> int:
    """Steps in an epoch; raises UserError where there is none."""
    if batch_size > images:
        raise UserError(
            f"config key training.batch_size: {batch_size}, but the data set has "
            f"{images} train images; lower it"
        )
    say_what_is_left_out(images, batch_size)
    return images // batch_size


def optimiser(network: nn.Module, settings: dict, rate: float) -> torch.optim.Optimizer:
    """The article's SGD at that learning rate: Nesterov momentum, weight decay."""
    return torch.optim.SGD(
        network.parameters(),
        lr=rate,
        momentum=settings["momentum"],
        nesterov=True,
        weight_decay=settings["weight_decay"],
    )


def step(
    network: nn.Module, loss: Loss, optimiser: torch.optim.Optimizer, batch: Batch
) -> Float[Tensor, "2"]:
    """Step on the batch; its loss and accuracy before."""
    images, labels = batch
    logits = network(images)
    value = loss(logits, labels)
    optimiser.zero_grad()
    value.backward()
    optimiser.step()
    return torch.stack([value.detach(), accuracy(logits, labels)])


def accuracy(
    logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]
) -> Float[Tensor, ""]:
    """The share of the examples whose class has the largest logit."""
    return (logits.argmax(dim=1) == labels).float().mean()

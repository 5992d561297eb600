"""Norm layers, none with a learnable scale or shift, and how batch norm is frozen."""

from collections.abc import Iterable
from math import gcd

import torch
from torch import Tensor, nn

GROUPS = 8

NORMS = {
    "batch": lambda channels: nn.BatchNorm2d(channels, affine=False),
    "layer": lambda channels: nn.GroupNorm(1, channels, affine=False),
    "group": lambda channels: nn.GroupNorm(
        gcd(GROUPS, channels), channels, affine=False
    ),
    "none": None,
}


def use_batch_statistics(network: nn.Module) -> None:
    """Make active batch norm a function of its batch alone, with no running state."""
    for layer in _batch_norms(network):
        layer.track_running_stats = False


@torch.no_grad()
def refresh(network: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Set the running statistics to their plain average over the batches given."""
    for layer in _batch_norms(network):
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    for batch in inputs:
        network(batch)


def _batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]

"""The statistics of batch norm: of the batch, or fixed to those of a data set."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def use_batch_statistics(network: nn.Module) -> None:
    """Make active batch norm a function of its batch alone, with no running state."""
    for layer in _batch_norms(network):
        layer.track_running_stats = False


@contextmanager
def of_each_batch(network: nn.Module) -> Iterator[None]:
    """Training mode, in which batch norm uses each batch's statistics, but leaves the
    running ones as they are; evaluation mode afterwards.
    """
    layers = _batch_norms(network)
    for layer in layers:
        layer.track_running_stats = False
    network.train()
    try:
        yield
    finally:
        network.eval()
        for layer in layers:
            layer.track_running_stats = True


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

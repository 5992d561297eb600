"""The statistics of batch norm: of the batch, or fixed to those of a data set."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from normscope.job import UserError


def use_batch_statistics(network: nn.Module) -> None:
    """Make active batch norm a function of its batch alone, with no running state; all
    else in evaluation mode.
    """
    _train_batch_norms(network)
    for layer in _batch_norms(network):
        layer.track_running_stats = False


@contextmanager
def of_each_batch(network: nn.Module) -> Iterator[None]:
    """Batch norm uses each batch's statistics, but leaves the running ones as they are;
    evaluation mode for all else, and afterwards.
    """
    layers = [layer for layer in _batch_norms(network) if layer.track_running_stats]
    _train_batch_norms(network)
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        network.eval()
        for layer in layers:
            layer.track_running_stats = True


def can_be_frozen(network: nn.Module) -> bool:
    """Whether the network has batch norm, with running statistics wherever it has."""
    layers = _batch_norms(network)
    return bool(layers) and all(layer.running_mean is not None for layer in layers)


@torch.no_grad()
def refresh(network: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Set the running statistics to their plain average over the batches given.

    Raises UserError where there are none to set.
    """
    if not can_be_frozen(network):
        raise UserError(
            "there is no batch norm with running statistics to freeze; leave the "
            "network that says freeze out of config section networks"
        )
    layers = _batch_norms(network)
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    _train_batch_norms(network)
    for batch in inputs:
        network(batch)


def _train_batch_norms(network: nn.Module) -> None:
    network.eval()
    for layer in _batch_norms(network):
        layer.train()


def _batch_norms(network: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]

"""A conv net's file, and the network in it made ready to be analysed."""

from dataclasses import asdict

import torch
from torch import nn

from normscope.job import UserError, atomic_write
from normscope.networks.batch_statistics import use_batch_statistics
from normscope.networks.conv_net import CHANNELS_LAST, Architecture, build
from normscope.reading import reading


def save(
    path: str, network: nn.Module, architecture: Architecture, facts: dict
) -> None:
    """Write the weights with what `load` needs to build the network again."""
    content = {
        "state_dict": {
            name: value.cpu() for name, value in network.state_dict().items()
        },
        "network": asdict(architecture),
        "facts": facts,
    }
    with atomic_write(path) as partial:
        torch.save(content, partial)


def load(path: str, classes: int | None = None) -> tuple[nn.Sequential, Architecture]:
    """The network of the file, in the mode in which it is analysed, on the CPU.

    Raises UserError where the file is not one of `save`'s or cannot be read, a weight
    is not finite, or the number of classes differs; never runs code from it.
    """
    with reading(path, "a network of this version"):
        content = torch.load(path, weights_only=True)
        architecture = Architecture(**content["network"])
        network = build(architecture, torch.Generator())
        network.load_state_dict(content["state_dict"])
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise UserError(f"{path} holds weights that are not finite; delete it")
    if classes not in (None, architecture.classes):
        raise UserError(
            f"{path} tells {architecture.classes} classes apart, but the data set has "
            f"{classes}; delete it and run again"
        )
    return network, architecture


def prepare_analysis(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, active batch norm with its batch's statistics."""
    if network.training:
        use_batch_statistics(network)
    return network.to(device, memory_format=CHANNELS_LAST)

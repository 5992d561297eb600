"""A network's file, and the network in it made ready to be analysed."""

from dataclasses import asdict

import torch
from torch import nn

from normscope.job import UserError, atomic_write
from normscope.networks.batch_statistics import use_batch_statistics
from normscope.networks.placing import place
from normscope.networks.variants import Architecture, build, of_settings
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


def load(
    path: str, classes: int | None = None, module: str | None = None
) -> tuple[nn.Module, Architecture]:
    """The network of the file, in the mode in which it is analysed, on the CPU.

    The file never runs code: a user's own `module` is the one that the config names,
    and the file holds its weights alone. Raises UserError where the file is not one of
    `save`'s or cannot be read, was made with another module, a weight is not finite,
    or the number of classes differs.
    """
    with reading(path, "a network of this version"):
        content = torch.load(path, weights_only=True)
        settings = content["network"]
        if settings.get("module") != module:
            raise UserError(
                f"{path} holds weights of {settings.get('module') or 'the conv net'}, "
                f"but the config names {module or 'no module'}; delete it and run again"
            )
        architecture = of_settings(settings)
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
    """The network on the device, active batch norm with its batch's statistics.

    All else is in evaluation mode, so that dropout and the like are off.
    """
    if network.training:
        use_batch_statistics(network)
    return place(network, device)

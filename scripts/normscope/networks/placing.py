"""Networks on a device, in the memory format that is fastest there."""

import torch
from torch import nn

FEW = 8  # channels; of 6 and more no error was seen


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device with channels last: 1.2 to 1.7 times faster on a CPU.

    On a CPU this process does without oneDNN where the network has a 1 x 1 convolution
    with a stride and few input channels: there its gradient writes beyond its memory
    (torch 2.15; a crash, an endless loop or wrong numbers).
    """
    if device.type == "cpu" and any(map(_overwrites, network.modules())):
        torch.backends.mkldnn.enabled = False
    return network.to(device, memory_format=torch.channels_last)


def _overwrites(layer: nn.Module) -> bool:
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.in_channels < FEW
    )

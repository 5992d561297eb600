"""Networks on a device, in the memory format that is fastest there."""

import torch
from torch import nn

FEW = 8  # channels; of 7 and more no error was seen


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device with channels last: 1.2 to 1.7 times faster on a CPU.

    But with channels first where a 1 x 1 convolution with a stride has few input
    channels: on a CPU its gradient with channels last writes beyond its memory (torch
    2.15, oneDNN; a crash or an endless loop).
    """
    is_safe = not any(map(_overwrites, network.modules()))
    last, first = torch.channels_last, torch.contiguous_format
    return network.to(device, memory_format=last if is_safe else first)


def _overwrites(layer: nn.Module) -> bool:
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.in_channels < FEW
    )

"""Instance norm (Ulyanov et al. 2016)."""

from torch import nn


def build(channels: int) -> nn.Module:
    """Each channel of each example over its pixels."""
    return nn.InstanceNorm2d(channels)

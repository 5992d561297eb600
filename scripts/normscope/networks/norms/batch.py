"""Batch norm (Ioffe and Szegedy 2015)."""

from torch import nn


def build(channels: int) -> nn.Module:
    """Each channel over the batch, or by its running statistics."""
    return nn.BatchNorm2d(channels, affine=False)

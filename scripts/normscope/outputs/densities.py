"""Kernel densities of many channels at once, by fine bins and one convolution."""

from math import pi

import torch
from jaxtyping import Float
from torch import Tensor

POINTS = 1024  # of the grid that densities are given on
BINS = 2**15  # that values are counted in


def kernel_densities(
    values: Float[Tensor, "C n"],
) -> tuple[Float[Tensor, " G"], Float[Tensor, "C G"]]:
    """A grid, and the Gaussian kernel densities of the rows on it.

    Those of scipy.stats.gaussian_kde, of bandwidth std n^(-1/5) (Scott 1992), except
    that no kernel is narrower than half a step of the grid, which all rows share.
    """
    channels, count = values.shape
    bandwidths = values.std(dim=1) * count**-0.2
    low = (values.amin(dim=1) - 3 * bandwidths).min().item()
    high = (values.amax(dim=1) + 3 * bandwidths).max().item()
    if not low < high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / BINS
    bandwidths = bandwidths.clamp(min=(high - low) / POINTS / 2)
    bins = ((values - low) / width).long().clamp_(0, BINS - 1)
    bins += BINS * torch.arange(channels, device=values.device)[:, None]
    counts = bins.flatten().bincount(minlength=channels * BINS).view(channels, BINS)
    # Twice the length, so that the convolution does not wrap around.
    spectrum = torch.fft.rfft(counts.to(values.dtype), 2 * BINS)
    frequencies = torch.fft.rfftfreq(2 * BINS, width, device=values.device)
    angles = 2 * pi * bandwidths[:, None] * frequencies.to(values.dtype)
    smooth = torch.fft.irfft(spectrum * torch.exp(-angles.square() / 2), 2 * BINS)
    places = torch.arange(0, BINS, BINS // POINTS, device=values.device)
    grid = low + width * (places.to(values.dtype) + 0.5)
    return grid, smooth[:, places].clamp(min=0) / (count * width)

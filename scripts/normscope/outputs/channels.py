"""What each layer of a network puts out, channel by channel."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.job import UserError
from normscope.outputs.densities import kernel_densities

Outputs = Float[Tensor, "N C ..."]  # of a layer, for examples, channels and pixels

SHOWN = 10  # channels of a layer that have a density, as in the article's pictures
# Of each layer, in the files that hold them.
LAYOUT = {
    "*/mean": ("C", "of each channel, over examples and pixels"),
    "*/std": ("C", "of each channel, the square root of the mean squared deviation"),
    "*/min": ("C", "of each channel"),
    "*/max": ("C", "of each channel"),
    "*/density": (
        "S G",
        "Gaussian kernel densities of the first channels, Scott's bandwidth",
    ),
    "*/grid": ("G", "values that the densities are given at"),
}
# Of one layer, for each of many networks.
SUMMARY = {
    "*/pooled_mean": ("networks", "mean of all values"),
    "*/pooled_deviation": ("networks", "standard deviation of all values"),
    "*/variance_between": ("networks", "variance of the channels' means"),
    "*/variance_within": ("networks", "mean of the channels' variances"),
    "*/deviation_variation": (
        "networks",
        "coefficient of variation of the channels' standard deviations",
    ),
    "*/largest_share_of_tens": (
        "networks",
        "share of inputs at which the same channel is the largest of ten, the median "
        "over the layer's disjoint tens of channels",
    ),
}


def by_channel(outputs: Outputs) -> Float[Tensor, "C n"]:
    """The outputs as a row per channel."""
    return outputs.transpose(0, 1).flatten(start_dim=1)


def channel_statistics(outputs: Outputs) -> dict[str, Float[Tensor, " C"]]:
    """The channels of a layer's outputs, over examples and pixels.

    `mean`, `std`, `min` and `max`. Raises UserError where an output is not finite.
    """
    values = by_channel(outputs)
    _require_finite(values)
    variance, mean = torch.var_mean(values, dim=1, correction=0)
    return {
        "mean": mean,
        "std": variance.sqrt(),
        "min": values.amin(dim=1),
        "max": values.amax(dim=1),
    }


def channel_densities(outputs: Outputs) -> dict[str, Tensor]:
    """Kernel densities of a layer's outputs, for pictures of its channels.

    `density` (S, G) of the first S channels on the values `grid` (G,).
    """
    grid, density = kernel_densities(by_channel(outputs)[:SHOWN])
    return {"density": density, "grid": grid}


def variance_split(statistics: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The variance of all values as that between channels and that within them.

    Law of total variance: the variance of the channels' means and the mean of their
    variances sum to it.
    """
    return {
        "variance_between": statistics["mean"].var(correction=0),
        "variance_within": statistics["std"].square().mean(),
    }


def summary(outputs: Float[Tensor, "N C"]) -> dict[str, Float[Tensor, ""]]:
    """A layer's channels in a few numbers, for many networks: those of SUMMARY.

    Raises UserError where an output is not finite.
    """
    values = by_channel(outputs)
    mean = values.mean(dim=1)
    variance = (values - mean[:, None]).square().mean(dim=1)
    _require_finite(variance)
    deviation = variance.sqrt()
    split = variance_split({"mean": mean, "std": deviation})
    return split | {
        "pooled_mean": mean.mean(),
        "pooled_deviation": sum(split.values()).sqrt(),
        "deviation_variation": deviation.std(correction=0) / deviation.mean(),
        "largest_share_of_tens": _largest_share_of_tens(values),
    }


def _largest_share_of_tens(values: Float[Tensor, "C n"]) -> Float[Tensor, ""]:
    size = min(SHOWN, len(values))
    tens = values[: len(values) // size * size].unflatten(0, (-1, size))
    largest = tens.max(dim=1).indices  # faster than argmax
    counts = largest.new_zeros(tens.shape[:2])
    counts.scatter_add_(1, largest, torch.ones_like(largest))
    return (counts.amax(dim=1) / values.shape[1]).quantile(0.5)


def largest_shares(outputs: Outputs) -> Float[Tensor, " S"]:
    """Share of examples and pixels at which each shown channel is their largest."""
    shown = by_channel(outputs)[:SHOWN]
    return shown.argmax(dim=0).bincount(minlength=len(shown)) / shown.shape[1]


def _require_finite(values: Tensor) -> None:
    if not values.isfinite().all():
        raise UserError(
            "a layer's outputs are not finite; lower depth in config section "
            "initialisation, or config key perturbation.step"
        )

"""What steps of many lengths along one direction do to the logits, for a slider."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float

from normscope.outputs.channels import by_channel
from normscope.outputs.densities import kernel_densities

POINTS = 96  # of the grid that all densities of a file share
TAIL = 0.001  # share of a direction's logits below its range, and above it
MARGIN = 1.05
WIDEST = 2  # times the median direction's range
USUAL = 0.01  # length of a step, as a share of the parameters' norm
LAYOUT = {
    "lengths": (
        "lengths",
        "of the steps, ascending, as shares of the parameters' norm; backwards below 0",
    ),
    "grid": ("G", "logits that all densities are given at, evenly spaced"),
    "*/density": (
        "lengths S G",
        "Gaussian kernel densities of the logits of the first classes, Scott's "
        "bandwidth; each value is the mean over one step of the grid around its point",
    ),
    "*/mean": ("lengths K", "of each class's logit, over the images"),
    "*/loss": ("lengths", "the loss, mean over the images"),
    "*/accuracy": (
        "lengths",
        "share of the images whose largest logit is that of their class",
    ),
    "*/predicted_share": (
        "lengths K",
        "share of the images whose largest logit is that of each class",
    ),
}


def uphill(
    after: Callable[[float], Mapping[str, np.ndarray]], lengths: Sequence[float]
) -> int:
    """1 if the loss is higher after a step forwards than after one backwards, else -1.

    `after` gives the `loss` after a step of some length. Both steps have the length
    above 0 that is nearest to 1 % of the parameters' norm: the shorter of two that are
    equally near, and 1 % where no length is above 0.
    """
    forwards = sorted(length for length in lengths if length > 0)
    length = min(forwards, key=lambda length: abs(length - USUAL), default=USUAL)
    return 1 if after(length)["loss"] >= after(-length)["loss"] else -1


def logit_grid(
    logits: Float[np.ndarray, "directions lengths N S"],
) -> Float[np.ndarray, " G"]:
    """Evenly spaced logits for the densities of all directions and lengths.

    The range of a direction has 99.8 % of the logits at all its lengths. The grid
    covers the ranges of all directions and a margin of 5 %; but it reaches at most
    twice as far from the median logit as the range of the median direction, so that
    one extreme direction does not make the densities of all others narrow.
    """
    middle = np.median(logits)
    ends = np.quantile(logits.reshape(len(logits), -1), [TAIL, 1 - TAIL], axis=1)
    reach = np.abs(ends - middle)
    reach = np.minimum(reach.max(axis=1), WIDEST * np.median(reach, axis=1))
    low, high = middle - MARGIN * reach[0], middle + MARGIN * reach[1]
    if not low < high:  # all logits are the same
        low, high = middle - 0.5, middle + 0.5
    return np.linspace(low, high, POINTS)


def densities_on(
    grid: Float[np.ndarray, " G"], logits: Float[np.ndarray, "N S"]
) -> Float[np.ndarray, "S G"]:
    """The kernel densities of channel plots, on an evenly spaced grid.

    Each value is the mean of the density over one step of the grid around its point,
    so that a peak between two points is not missed. What lies beyond the grid is left
    out.
    """
    fine, densities = kernel_densities(by_channel(torch.from_numpy(logits)))
    fine, densities = fine.double().numpy(), densities.double().numpy()
    width = (fine[-1] - fine[0]) / (len(fine) - 1)
    below = width * densities.cumsum(
        axis=1
    )  # share of the images below fine + width / 2
    step = grid[1] - grid[0]
    edges = np.append(grid, grid[-1] + step) - step / 2
    shares = [np.interp(edges, fine + width / 2, row, left=0) for row in below]
    return np.diff(shares) / step

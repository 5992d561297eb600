"""Learning rates as a function of the epoch."""

from collections.abc import Callable, Sequence
from math import floor

import numpy as np

Schedule = Callable[[float], float]


def piecewise_linear(epochs: Sequence[float], rates: Sequence[float]) -> Schedule:
    """Straight lines between the knots, constant outside them."""
    return lambda epoch: float(np.interp(epoch, epochs, rates))


def doubling(start: float, epochs: float) -> Schedule:
    """From `start` on, twice as high every `epochs` epochs; straight within one.

    The article's stress test: 0.005 x 2^(epoch / 2).
    """

    def rate(epoch: float) -> float:
        whole = floor(epoch)
        before, after = (start * 2 ** (knot / epochs) for knot in (whole, whole + 1))
        return before + (epoch - whole) * (after - before)

    return rate

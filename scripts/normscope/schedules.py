"""Learning rates as a function of the epoch."""

from collections.abc import Callable, Sequence

import numpy as np

Schedule = Callable[[float], float]


def piecewise_linear(epochs: Sequence[float], rates: Sequence[float]) -> Schedule:
    """Straight lines between the knots, constant outside them."""
    return lambda epoch: float(np.interp(epoch, epochs, rates))

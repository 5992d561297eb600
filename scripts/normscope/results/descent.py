"""Gradient descent on a parabola whose curvature is 1."""

import numpy as np
from scipy.optimize import brentq


def iterates(rate: float, start: float, steps: int) -> np.ndarray:
    """Where gradient descent on x^2 / 2 goes from the start: (steps + 1,)."""
    places = [start]
    for _ in range(steps):
        places.append(places[-1] - rate * places[-1])
    return np.array(places)


def growth_on_a_parabola(rate: float) -> float:
    """Factor of the distance to the minimum in each step, as measured over ten."""
    first, *_, last = iterates(rate, 2.0, 10)
    return (abs(last) / first) ** 0.1


def stability_limit_with_momentum(momentum: float) -> float:
    """Learning rate x curvature at which Nesterov's method stops converging.

    Where the spectral radius of its step on a parabola is 1; in closed form
    2 (1 + m) / (1 + 2 m).
    """

    def excess(rate: float) -> float:
        # State: position and velocity; v' = m v + x, x' = x - rate (x + m v').
        step = [[1 - rate * (1 + momentum), -rate * momentum**2], [1, momentum]]
        return np.abs(np.linalg.eigvals(step)).max() - 1

    return brentq(excess, 1e-3, 4.0)

"""Where gradient descent breaks: the lowest learning rates at which the loss rises, and
at which it does not come back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature.subspaces import orthonormal

Vector = Float[Tensor, " P"]
# The loss at some parameters, and the gradient that the step of that number follows.
Slope = Callable[[Vector, int], tuple[float, Vector]]
# Rows that span what steps are to leave out, at some parameters.
Span = Callable[[Vector], Float[Tensor, "m P"]]

RISE = 1.1  # times the loss at the start
WIDTH = 1.1  # of the last bracket, its upper end over its lower
FIRST, LAST = 1 / 8, 64  # rates that are tried, over the predicted one


@dataclass(frozen=True)
class Outcome:
    """Whether the loss rose 10 % above its start at any step, and whether it was above
    that, or not finite, at the end.
    """

    rises: bool
    breaks: bool


def no_span(parameters: Vector) -> Float[Tensor, "0 P"]:
    """The empty span, which takes nothing off a step."""
    return parameters.new_empty(0, len(parameters))


def descend(
    start: Vector,
    slope: Slope,
    rate: float,
    momentum: float,
    steps: int,
    span: Span = no_span,
    renewal: int | None = None,
) -> list[float]:
    """The losses at the start and after each step of Nesterov's method.

    As torch.optim.SGD has it, from an empty buffer and without weight decay. The part
    of each step that is in the `span` is removed. The span is that at the start, or
    computed anew after every `renewal` steps, where that is a number. Ends with
    inf where the loss or the span is not finite.
    """
    parameters, velocity = start.clone(), torch.zeros_like(start)
    losses = []
    for step in range(steps + 1):
        loss, gradient = slope(parameters, step)
        losses.append(loss if isfinite(loss) else inf)
        if losses[-1] == inf or step == steps:
            break
        if step == 0 or (renewal and step % renewal == 0):
            rows = span(parameters)
            if not rows.isfinite().all():
                return [*losses, inf]
            rows = orthonormal(rows)
        velocity = momentum * velocity + gradient
        move = gradient + momentum * velocity
        parameters = parameters - rate * (move - rows.T @ (rows @ move))
    return losses


def outcome(losses: list[float]) -> Outcome:
    """What came of a descent with these losses."""
    bound = RISE * losses[0]
    return Outcome(max(losses) > bound, losses[-1] > bound)


def lowest_rate(happens: Callable[[float], bool], predicted: float) -> float:
    """The lowest rate at which something happens, to 10 %; inf where at none.

    Theory does not say that what happens at a rate happens at all higher ones. So rates
    are tried upwards, each twice the one before, from an eighth of the predicted one to
    64 times it, until it happens; the last doubling is then bisected, and the upper end
    returned. At the returned rate it happens and at one within 10 % below it does not.
    It happened at no rate that was tried below, but it may at others between these.
    Where it happens at the first rate tried, rates are halved until it does not, or
    until 2^-20 of the first, and then 0 is returned.
    """
    high = FIRST * predicted
    if happens(high):
        least = high * 2**-20
        while happens(low := high / 2):
            high = low
            if high <= least:
                return 0.0
    else:
        while not happens(2 * high):
            high *= 2
            if high >= LAST * predicted:
                return inf
        low, high = high, 2 * high
    while high > WIDTH * low:
        middle = sqrt(low * high)
        low, high = (low, middle) if happens(middle) else (middle, high)
    return high

"""How long a step has to be for a class to have the majority of the predictions."""

from collections.abc import Callable
from math import inf

MAJORITY = 0.5
# Lengths of steps, as shares of the parameters' norm.
START, LONGEST = 0.01, 0.2
WIDTH = 0.1  # of the last bracket, as a share of its upper end


def critical_length(share: Callable[[float], float]) -> float:
    """The shortest length of a step at which `share` is above one half.

    `share` gives the class's part of the predictions after a step; lengths are shares
    of the parameters' norm. From 1 % on lengths are doubled or halved until two
    of them bracket the change, then these are bisected until they are within 10 %, and
    the upper one is returned. 0 where the class has the majority before the step, inf
    where no length up to 20 % gives it. A majority that is lost again between two of
    the lengths is not seen.
    """

    def wins(length: float) -> bool:
        return share(length) > MAJORITY

    low = high = START
    if wins(START):
        if wins(0.0):
            return 0.0
        while wins(low := high / 2):
            high = low
    else:
        while not wins(high := min(2 * low, LONGEST)):
            if high == LONGEST:
                return inf
            low = high
    while high - low > WIDTH * high:
        middle = (low + high) / 2
        low, high = (low, middle) if wins(middle) else (middle, high)
    return high

"""Leading eigenpairs of a matrix near one whose eigenvectors are known."""

from math import ceil, sqrt
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature.krylov import Operator
from normscope.curvature.lanczos import (
    Eigenpairs,
    leading_eigenpairs,
    steps_to_largest,
)
from normscope.resume import State

SHARE = 0.08  # of a start's squared length that is random; 0.01 to 0.5 took more steps


def leading_near(
    operator: Operator,
    k: int,
    tolerance: float,
    rng: torch.Generator,
    known: Float[Tensor, "m P"],
) -> Eigenpairs:
    """The k leading eigenpairs as `leading_eigenpairs` has them, from another start.

    The start is the sum of the `known` unit vectors, at best those of the k leading
    pairs, and a random one, so that a direction that is new is seen as well. With
    SHARE of the squared length, it has in each direction what a random start has in
    1 / SHARE times as many dimensions, and so many steps are made at least as the bound
    on missing the largest eigenvalue asks for there.
    """
    drawn = torch.randn(operator.dimension, generator=rng).to(known)
    near = known.sum(dim=0)
    start = near / near.norm() + sqrt(SHARE / (1 - SHARE)) * drawn / drawn.norm()
    least = steps_to_largest(ceil(operator.dimension / SHARE))
    begun = _Begun(start / start.norm(), least, rng)
    return leading_eigenpairs(operator, k, tolerance, rng, state=begun, starts=1)


class _Begun(State):
    """The state, in no file, of a search from one start that has made no product."""

    def __init__(
        self, start: Float[Tensor, " P"], least: int, rng: torch.Generator
    ) -> None:
        super().__init__(Path(), "")
        self.start, self.least, self.rng = start, least, rng

    def load(self) -> dict[str, Any]:
        """As the search saves it."""
        none = torch.zeros(0, 0, dtype=torch.float64)
        space = {
            "vectors": self.start.new_empty(0, len(self.start)),
            "ends": self.start[None],
            "projected": none,
            "couplings": none.new_zeros(1, 0),
            "rounding": 0.0,
        }
        return {
            "matvecs": 0,
            "starts": 1,
            "least": self.least,
            "space": space,
            "rng": self.rng.get_state(),
        }

    def save(self, state: dict[str, Any]) -> None:
        """Nothing is kept: a search from here takes seconds."""

"""Leading eigenpairs of a matrix near one whose eigenvectors are known."""

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


def leading_near(
    operator: Operator,
    k: int,
    tolerance: float,
    rng: torch.Generator,
    known: Float[Tensor, "m P"],
) -> Eigenpairs:
    """The k leading eigenpairs as `leading_eigenpairs` has them, from another start.

    The start is the sum of the `known` unit vectors, and of a random one of the same
    length, so that a direction that is new to the matrix is seen as well: its weight in
    the start is half of what it is in a random one, and as many steps more are made as
    the bound on missing the largest eigenvalue then asks for.
    """
    drawn = torch.randn(operator.dimension, generator=rng).to(known)
    near = known.sum(dim=0)
    start = near / near.norm() + drawn / drawn.norm()
    begun = _Begun(start / start.norm(), steps_to_largest(2 * operator.dimension), rng)
    return leading_eigenpairs(operator, k, tolerance, rng, state=begun, starts=1)


class _Begun:
    """The state of a search that has made no product yet, from one start."""

    def __init__(
        self, start: Float[Tensor, " P"], least: int, rng: torch.Generator
    ) -> None:
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

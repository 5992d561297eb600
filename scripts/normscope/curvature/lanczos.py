"""Leading eigenpairs of a symmetric operator by the Lanczos method, on its device."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log, sqrt
from time import perf_counter
from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from normscope.curvature.krylov import KrylovSpace, Operator
from normscope.resume import State

TINY = torch.finfo(torch.float64).tiny
SAVE_SECONDS = 10  # between saved states, at most
SAVING_SHARE = 0.02  # of the time, where saving is quick
LARGEST_BASIS = 5  # vectors for each pair wanted, before the basis is compressed

Report = Callable[[int, Tensor], None]


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues in descending order, unit eigenvectors as rows, their residuals
    ||A v - lambda v|| / |lambda|, and the number of products that it took.

    The residuals are those of the Lanczos relation, exact but for the rounding of the
    products.
    """

    eigenvalues: Float64[Tensor, " k"]
    eigenvectors: Float[Tensor, "k P"]
    residual_norms: Float64[Tensor, " k"]
    matvecs: int


def leading_eigenpairs(
    operator: Operator,
    k: int,
    tolerance: float,
    rng: torch.Generator,
    report: Report = lambda matvecs, residuals: None,
    state: State | None = None,
    starts: int = 2,
) -> Eigenpairs:
    """The k eigenpairs of largest magnitude, each with ||A v - lambda v|| at most
    tolerance x |lambda|, or ten roundings of the largest |lambda|.

    Band Lanczos (Ruhe 1979) with full reorthogonalisation, from random vectors. A
    space with one start holds one eigenvector of a repeated eigenvalue; with two or
    more, more are added until they outnumber the largest multiplicity found. A full
    basis is compressed to its leading Ritz vectors (thick restart, Wu and Simon 2000).
    Where the Krylov space closes, it goes on from a new random direction.
    `report` gets the number of products and the relative residuals after each. `state`
    is saved every few seconds, and gone on from where there is a saved one. Raises
    ValueError where the operator is smaller than k, UserError where a product is not
    finite.
    """
    if k > operator.dimension:
        raise ValueError(f"{k} eigenpairs of a matrix of {operator.dimension} rows")
    search = _Search(operator, k, tolerance, rng, starts)
    if state and (saved := state.load()):
        search.restore(saved)
    next_save = perf_counter()
    while not search.step(report):
        if state and (start := perf_counter()) >= next_save:
            state.save(search.content())
            end = perf_counter()
            next_save = end + min(SAVE_SECONDS, (end - start) / SAVING_SHARE)
    return search.pairs()


class _Search:
    """The k leading pairs that a Krylov space shows so far, and its way to them."""

    def __init__(
        self,
        operator: Operator,
        k: int,
        tolerance: float,
        rng: torch.Generator,
        starts: int,
    ) -> None:
        self.operator, self.k, self.tolerance, self.rng = operator, k, tolerance, rng
        self.space = KrylovSpace(operator, largest_basis(k, operator.dimension))
        self.matvecs, self.starts = 0, min(starts, operator.dimension)
        self.enough = steps_to_largest(operator.dimension)  # for each start
        self.least = max(k, self.starts * self.enough)
        for _ in range(self.starts):
            self.space.start(rng)

    def step(self, report: Report) -> bool:
        """Make one product; return whether the pairs are found."""
        self.space.extend(self.rng)
        self.matvecs += 1
        values, vectors, residuals = self.space.ritz_pairs()
        largest = values.abs().argsort(descending=True)[: self.k]
        leading = largest.sort(descending=True)[0]
        self.values, self.coordinates = values[leading], vectors[:, leading]
        sizes, residuals = self.values.abs(), residuals[leading]
        self.relative = residuals / sizes.clamp(min=TINY)
        report(self.matvecs, self.relative)
        if self.space.size == self.operator.dimension:
            return True
        met = residuals <= (self.tolerance * sizes).clamp(min=self.space.rounding)
        if self.matvecs >= self.least and met.all():
            copies = multiplicity(self.values, self.tolerance)
            if self.starts == 1 or copies < self.starts:
                return True
            self._add_start()
        self.space.compress(values, vectors, self.k)
        return False

    def _add_start(self) -> None:
        self.space.start(self.rng)
        self.starts += 1
        self.least = self.matvecs + self.starts * self.enough

    def pairs(self) -> Eigenpairs:
        """Those that the last step saw."""
        coordinates = self.coordinates.T.float().to(self.operator.device)
        eigenvectors = _signed(coordinates @ self.space.vectors)
        return Eigenpairs(self.values, eigenvectors, self.relative, self.matvecs)

    def content(self) -> dict[str, Any]:
        """All that `restore` needs."""
        return {
            "matvecs": self.matvecs,
            "starts": self.starts,
            "least": self.least,
            "space": self.space.content(),
            "rng": self.rng.get_state(),
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Go on from what `content` gave."""
        self.matvecs, self.starts = content["matvecs"], content["starts"]
        self.least = content["least"]
        self.space.restore(content["space"])
        self.rng.set_state(content["rng"])
        if self.matvecs:
            print(f"going on after {self.matvecs} products")


def largest_basis(k: int, dimension: int) -> int:
    """Vectors that are held while k pairs are searched, before they are compressed."""
    return min(LARGEST_BASIS * k + 10, dimension)


def steps_to_largest(dimension: int) -> int:
    """Steps after which the largest eigenvalue is seen to within half of the width
    of the spectrum, which may reach below 0; but for one start in a thousand.

    Kuczynski and Wozniakowski (1992), theorem 4.2: m steps in n dimensions fall short
    by the share e with probability at most 1.648 sqrt(n) exp(-sqrt(e) (2 m - 1)).
    """
    share, risk = 0.5, 1e-3
    return ceil((log(1.648 * sqrt(dimension) / risk) / sqrt(share) + 1) / 2)


def multiplicity(eigenvalues: Float[Tensor, " k"], tolerance: float) -> int:
    """How often the most frequent of the eigenvalues occurs, to the tolerance.

    The smallest in magnitude do not count: another of them would change nothing.
    """
    sizes = eigenvalues.abs()
    counted = eigenvalues[sizes > (1 + tolerance) * sizes.min()]
    near = (counted - counted[:, None]).abs() <= tolerance * counted.abs()
    return int(near.sum(dim=1).max()) if len(counted) else 1


def _signed(eigenvectors: Float[Tensor, "k P"]) -> Float[Tensor, "k P"]:
    """Unit rows whose entry of largest magnitude is positive."""
    largest = eigenvectors.gather(1, eigenvectors.abs().argmax(1, keepdim=True))
    return eigenvectors * largest.sign() / eigenvectors.norm(dim=1, keepdim=True)

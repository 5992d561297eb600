"""Leading eigenpairs of a symmetric operator by the Lanczos method, on its device."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log, sqrt
from time import perf_counter
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from normscope import shapes
from normscope.job import Refused
from normscope.resume import State

TINY = torch.finfo(torch.float64).tiny
SAVE_SECONDS = 10  # between saved states
LARGEST_BASIS = 5  # vectors for each pair wanted, before the basis is compressed

Report = Callable[[int, Tensor], None]


class Operator(Protocol):
    """A symmetric matrix (dimension, dimension) that is known by its products."""

    dimension: int
    device: torch.device

    def __call__(self, vector: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues (k,) in descending order, unit eigenvectors (k, P), their residuals
    ||A v - lambda v|| / |lambda|, and the number of products that it took.

    The residuals are those of the Lanczos relation, exact but for the rounding of the
    products.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor
    residual_norms: Tensor
    matvecs: int


def leading_eigenpairs(
    operator: Operator,
    k: int,
    tolerance: float,
    draws: torch.Generator,
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
    Refused where the operator is smaller than k, or a product is not finite.
    """
    if k > operator.dimension:
        raise Refused(
            f"config key hessian.k: {k} eigenpairs of {operator.dimension} parameters; "
            "lower k"
        )
    space = _KrylovSpace(operator, min(LARGEST_BASIS * k + 10, operator.dimension))
    enough = steps_to_largest(operator.dimension)
    saved = state.load() if state else None
    if saved:
        matvecs, starts, least = saved["matvecs"], saved["starts"], saved["least"]
        space.restore(saved["space"])
        draws.set_state(saved["draws"])
    else:
        starts = min(starts, operator.dimension)
        matvecs, least = 0, max(k, starts * enough)
        for _ in range(starts):
            space.start(draws)
    last_save = perf_counter()
    while True:
        space.extend(draws)
        matvecs += 1
        values, vectors, residuals = space.ritz_pairs()
        leading = values.abs().argsort(descending=True)[:k].sort(descending=True)[0]
        sizes, residuals = values[leading].abs(), residuals[leading]
        met = residuals <= (tolerance * sizes).clamp(min=space.rounding)
        relative = residuals / sizes.clamp(min=TINY)
        report(matvecs, relative)
        if space.size == operator.dimension:
            break
        if matvecs >= least and met.all():
            if starts == 1 or multiplicity(values[leading], tolerance) < starts:
                break
            space.start(draws)
            starts += 1
            least = matvecs + starts * enough
        space.compress(values, vectors, k)
        if state and perf_counter() - last_save >= SAVE_SECONDS:
            state.save(
                {
                    "matvecs": matvecs,
                    "starts": starts,
                    "least": least,
                    "space": space.content(),
                    "draws": draws.get_state(),
                }
            )
            last_save = perf_counter()
    eigenvectors = vectors[:, leading].T.float().to(operator.device) @ space.vectors
    return Eigenpairs(values[leading], _signed(eigenvectors), relative, matvecs)


def steps_to_largest(dimension: int) -> int:
    """Steps after which the largest eigenvalue is seen to within a half, but for one
    start in a thousand.

    Kuczynski and Wozniakowski (1992), theorem 4.2: m steps in n dimensions fall short
    by the share e with probability at most 1.648 sqrt(n) exp(-sqrt(e) (2 m - 1)).
    """
    share, risk = 0.5, 1e-3
    return ceil((log(1.648 * sqrt(dimension) / risk) / sqrt(share) + 1) / 2)


def multiplicity(eigenvalues: Tensor, tolerance: float) -> int:
    """How often the most frequent of the eigenvalues (k,) occurs, to the tolerance.

    The smallest in magnitude do not count: another of them would change nothing.
    """
    sizes = eigenvalues.abs()
    counted = eigenvalues[sizes > (1 + tolerance) * sizes.min()]
    near = (counted - counted[:, None]).abs() <= tolerance * counted.abs()
    return int(near.sum(dim=1).max()) if len(counted) else 1


class _KrylovSpace:
    """Orthonormal rows V (m, P) with A V = V T + loose ends x couplings.

    The loose ends are what products left outside of V, and starts that are still to
    be used; all are orthogonal to V. `projected` is T (m, m), `couplings` (ends, m).
    """

    def __init__(self, operator: Operator, largest: int) -> None:
        self.operator = operator
        self.basis = torch.empty(largest, operator.dimension, device=operator.device)
        self.ends = self.basis.new_empty(0, operator.dimension)
        self.projected = torch.zeros(0, 0, dtype=torch.float64)
        self.couplings = torch.zeros(0, 0, dtype=torch.float64)
        self.rounding = 0.0

    @property
    def size(self) -> int:
        return len(self.projected)

    @property
    def vectors(self) -> Tensor:
        return self.basis[: self.size]

    def start(self, draws: torch.Generator) -> None:
        """Draw a further direction to go on from."""
        direction = torch.randn(self.operator.dimension, generator=draws)
        _, rest = _orthogonalised(direction.to(self.basis), self.vectors)
        self._add_end(rest / rest.norm(), torch.zeros(self.size, dtype=torch.float64))

    def extend(self, draws: torch.Generator) -> None:
        """Multiply the first of the loose ends, which becomes a row of V."""
        while self.couplings[0].any() and self.ends[0].norm() <= self.rounding:
            self._drop_first_end()
            self.start(draws)
        size = self.size
        _, following = _orthogonalised(self.ends[0] / self.ends[0].norm(), self.vectors)
        following = following / following.norm()
        self._drop_first_end()
        self.basis[size] = following
        product = self.operator(following)
        shapes.check(product=(product, f"{self.operator.dimension}"))
        coefficients, rest = _orthogonalised(product, self.basis[: size + 1])
        if not torch.isfinite(coefficients).all():
            raise Refused(
                "a product with the Hessian is not finite: the network's weights, or "
                "the images, hold numbers that overflow; lower its max_lr"
            )
        self.projected = F.pad(self.projected, (0, 1, 0, 1))
        self.projected[:, -1] = self.projected[-1, :] = coefficients
        self.couplings = F.pad(self.couplings, (0, 1))
        self.ends -= (self.ends @ following)[:, None] * following
        self._add_end(rest, F.one_hot(torch.tensor(size), size + 1).double())

    def ritz_pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Ritz values, their vectors' coordinates in V (columns), residual norms."""
        values, vectors = torch.linalg.eigh(self.projected)
        largest = values.abs().max().item()
        self.rounding = 10 * torch.finfo(self.basis.dtype).eps * largest
        tails = self.couplings @ vectors
        overlaps = (self.ends @ self.ends.T).cpu().double()
        squares = (tails * (overlaps @ tails)).sum(dim=0)
        return values, vectors, squares.clamp(min=0).sqrt()

    def compress(self, values: Tensor, vectors: Tensor, k: int) -> None:
        """Where V is full, replace it by its leading Ritz vectors."""
        if self.size < len(self.basis):
            return
        kept = values.abs().argsort(descending=True)[: (k + self.size) // 2]
        self.basis[: len(kept)] = vectors[:, kept].T.to(self.basis) @ self.basis
        self.projected = values[kept].diag()
        self.couplings = self.couplings @ vectors[:, kept]

    def content(self) -> dict[str, Tensor]:
        """All that `restore` needs."""
        return {
            "vectors": self.vectors.clone(),
            "ends": self.ends,
            "projected": self.projected,
            "couplings": self.couplings,
            "rounding": self.rounding,
        }

    def restore(self, content: dict[str, Tensor]) -> None:
        self.basis[: len(content["vectors"])] = content["vectors"]
        self.ends = content["ends"].to(self.basis)
        self.projected, self.couplings = content["projected"], content["couplings"]
        self.rounding = content["rounding"]

    def _add_end(self, end: Tensor, coupling: Tensor) -> None:
        self.ends = torch.cat([self.ends, end[None]])
        self.couplings = torch.cat([self.couplings, coupling[None]])

    def _drop_first_end(self) -> None:
        self.ends, self.couplings = self.ends[1:], self.couplings[1:]


def _orthogonalised(vector: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients (m,) in the orthonormal rows (m, P), and what they leave.

    Gram-Schmidt twice: once is not enough in float32 (Parlett's "twice is enough").
    """
    first = basis @ vector
    rest = vector - basis.T @ first
    second = basis @ rest
    return (first + second).cpu().double(), rest - basis.T @ second


def _signed(eigenvectors: Tensor) -> Tensor:
    """Unit rows whose entry of largest magnitude is positive."""
    largest = eigenvectors.gather(1, eigenvectors.abs().argmax(1, keepdim=True))
    return eigenvectors * largest.sign() / eigenvectors.norm(dim=1, keepdim=True)

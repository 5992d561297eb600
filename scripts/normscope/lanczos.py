"""Leading eigenpairs of a symmetric operator by the Lanczos method, on its device."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log, sqrt
from time import perf_counter

import torch
from torch import Tensor

from normscope import shapes
from normscope.krylov import KrylovSpace, Operator
from normscope.resume import State

TINY = torch.finfo(torch.float64).tiny
SAVE_SECONDS = 10  # between saved states, at most
SAVING_SHARE = 0.02  # of the time, where saving is quick
LARGEST_BASIS = 5  # vectors for each pair wanted, before the basis is compressed

Report = Callable[[int, Tensor], None]


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
    ValueError where the operator is smaller than k, Refused where a product is not
    finite.
    """
    if k > operator.dimension:
        raise ValueError(f"{k} eigenpairs of a matrix of {operator.dimension} rows")
    space = KrylovSpace(operator, min(LARGEST_BASIS * k + 10, operator.dimension))
    enough = steps_to_largest(operator.dimension)
    saved = state.load() if state else None
    if saved:
        matvecs, starts, least = saved["matvecs"], saved["starts"], saved["least"]
        space.restore(saved["space"])
        draws.set_state(saved["draws"])
        print(f"going on after {matvecs} products")
    else:
        starts = min(starts, operator.dimension)
        matvecs, least = 0, max(k, starts * enough)
        for _ in range(starts):
            space.start(draws)
    next_save = perf_counter()
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
        if state and (start := perf_counter()) >= next_save:
            state.save(
                {
                    "matvecs": matvecs,
                    "starts": starts,
                    "least": least,
                    "space": space.content(),
                    "draws": draws.get_state(),
                }
            )
            end = perf_counter()
            next_save = end + min(SAVE_SECONDS, (end - start) / SAVING_SHARE)
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
    shapes.check(eigenvalues=(eigenvalues, "k"))
    sizes = eigenvalues.abs()
    counted = eigenvalues[sizes > (1 + tolerance) * sizes.min()]
    near = (counted - counted[:, None]).abs() <= tolerance * counted.abs()
    return int(near.sum(dim=1).max()) if len(counted) else 1


def _signed(eigenvectors: Tensor) -> Tensor:
    """Unit rows whose entry of largest magnitude is positive."""
    largest = eigenvectors.gather(1, eigenvectors.abs().argmax(1, keepdim=True))
    return eigenvectors * largest.sign() / eigenvectors.norm(dim=1, keepdim=True)

"""Leading eigenpairs of a symmetric operator by the Lanczos method, on its device."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import torch
from torch import Tensor

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
) -> Eigenpairs:
    """The k eigenpairs of largest magnitude, each with ||A v - lambda v|| at most
    tolerance x |lambda|, or ten roundings of the largest |lambda|.

    Lanczos with full reorthogonalisation (Golub and Van Loan, section 10.3). A full
    basis is compressed to its leading Ritz vectors (thick restart, Wu and Simon
    2000). Where the Krylov space closes, it goes on from a new random direction.
    `report` gets the number of products and the relative residuals after each. `state`
    is saved every few seconds, and gone on from where there is a saved one. Raises
    Refused where the operator is smaller than k, or a product is not finite.
    """
    if k > operator.dimension:
        raise Refused(
            f"config key hessian.k: {k} eigenpairs of {operator.dimension} parameters; "
            "lower k"
        )
    largest = min(LARGEST_BASIS * k + 10, operator.dimension)
    basis = torch.empty(largest, operator.dimension, device=operator.device)
    saved = state.load() if state else None
    if saved:
        projected, matvecs = saved["projected"], saved["matvecs"]
        size, following = len(projected), saved["following"].to(basis)
        basis[:size] = saved["basis"]
        draws.set_state(saved["draws"])
    else:
        projected = torch.zeros(0, 0, dtype=torch.float64)
        size, matvecs, following = 0, 0, _random_direction(basis[:0], draws)
    last_save = perf_counter()
    while True:
        basis[size] = following
        size += 1
        matvecs += 1
        coefficients, following = _orthogonalised(operator(following), basis[:size])
        length = following.norm().item()
        if not torch.isfinite(coefficients).all():
            raise Refused(
                "a product with the Hessian is not finite: the network's weights, or "
                "the images, hold numbers that overflow; lower its max_lr"
            )
        projected = torch.nn.functional.pad(projected, (0, 1, 0, 1))
        projected[:, -1] = projected[-1, :] = coefficients
        values, vectors = torch.linalg.eigh(projected)
        leading = values.abs().argsort(descending=True)[:k].sort(descending=True)[0]
        residuals = length * vectors[-1, leading].abs()
        rounding = 10 * torch.finfo(basis.dtype).eps * values.abs().max().item()
        met = residuals <= torch.clamp(tolerance * values[leading].abs(), min=rounding)
        relative = residuals / values[leading].abs().clamp(min=TINY)
        report(matvecs, relative)
        if size == operator.dimension or (size >= k and met.all()):
            break
        if length <= rounding:
            following = _random_direction(basis[:size], draws)
        else:
            following /= length
        if size == largest:
            kept = values.abs().argsort(descending=True)[: (k + largest) // 2]
            size, projected = len(kept), values[kept].diag()
            basis[:size] = vectors[:, kept].T.to(basis) @ basis
        if state and perf_counter() - last_save >= SAVE_SECONDS:
            state.save(
                {
                    "basis": basis[:size].clone(),
                    "projected": projected,
                    "following": following,
                    "matvecs": matvecs,
                    "draws": draws.get_state(),
                }
            )
            last_save = perf_counter()
    eigenvectors = vectors[:, leading].T.float().to(basis) @ basis[:size]
    return Eigenpairs(values[leading], _signed(eigenvectors), relative, matvecs)


def _orthogonalised(vector: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients (m,) in the orthonormal rows (m, P), and what they leave.

    Gram-Schmidt twice: once is not enough in float32 (Parlett's "twice is enough").
    """
    first = basis @ vector
    rest = vector - basis.T @ first
    second = basis @ rest
    return (first + second).cpu().double(), rest - basis.T @ second


def _random_direction(basis: Tensor, draws: torch.Generator) -> Tensor:
    direction = torch.randn(basis.shape[1], generator=draws).to(basis)
    _, rest = _orthogonalised(direction, basis)
    return rest / rest.norm()


def _signed(eigenvectors: Tensor) -> Tensor:
    """Unit rows whose entry of largest magnitude is positive."""
    largest = eigenvectors.gather(1, eigenvectors.abs().argmax(1, keepdim=True))
    return eigenvectors * largest.sign() / eigenvectors.norm(dim=1, keepdim=True)

"""The space that Lanczos steps span, and the eigenpairs that are seen in it."""

from math import sqrt
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor

from normscope.job import UserError

Vector = Float[Tensor, " P"]


@runtime_checkable
class Operator(Protocol):
    """A symmetric matrix (dimension, dimension) that is known by its products."""

    dimension: int
    device: torch.device

    def __call__(self, vector: Vector) -> Vector: ...


class KrylovSpace:
    """Orthonormal rows V (m, P) with A V = V T + loose ends x couplings.

    V has at most `largest` rows. The loose ends are what products left outside of it,
    and starts that are still to be used; all are orthogonal to V. `projected` is
    T (m, m), `couplings` are (ends, m).
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
    def vectors(self) -> Float[Tensor, "m P"]:
        return self.basis[: self.size]

    def start(self, rng: torch.Generator) -> None:
        """Draw a further direction to go on from."""
        direction = torch.randn(self.operator.dimension, generator=rng)
        none = torch.zeros(self.size, dtype=torch.float64)
        _, rest = _orthogonalised(direction.to(self.basis), self.vectors, none)
        self._add_end(rest / rest.norm(), none)

    def extend(self, rng: torch.Generator) -> None:
        """Multiply the first of the loose ends, which becomes a row of V."""
        while self.couplings[0].any() and self.ends[0].norm() <= self.rounding:
            self._drop_first_end()
            self.start(rng)
        size = self.size
        following = self.ends[0] / self.ends[0].norm()
        if len(self.ends) > 1:  # rows were added while it waited
            none = torch.zeros(size, dtype=torch.float64)
            _, rest = _orthogonalised(following, self.vectors, none)
            following = rest / rest.norm()
        # Of a symmetric operator: what rows' products have left along this vector.
        known = self.couplings.T @ (self.ends @ following).cpu().double()
        self._drop_first_end()
        self.basis[size] = following
        product = self.operator(following)
        known = F.pad(known, (0, 1), value=_coefficient(following, product))
        coefficients, rest = _orthogonalised(product, self.basis[: size + 1], known)
        if not torch.isfinite(coefficients).all():
            raise UserError(
                "a product with the Hessian is not finite: the network's weights, or "
                "the images, hold numbers that overflow; lower the network's config "
                "key max_lr"
            )
        self.projected = F.pad(self.projected, (0, 1, 0, 1))
        self.projected[:, -1] = self.projected[-1, :] = coefficients
        self.couplings = F.pad(self.couplings, (0, 1))
        self.ends -= (self.ends @ following)[:, None] * following
        self._add_end(rest, F.one_hot(torch.tensor(size), size + 1).double())

    def ritz_pairs(
        self,
    ) -> tuple[Float64[Tensor, " m"], Float64[Tensor, "m m"], Float64[Tensor, " m"]]:
        """Ritz values, their vectors' coordinates in V (columns), residual norms."""
        values, vectors = torch.linalg.eigh(self.projected)
        largest = values.abs().max().item()
        self.rounding = 10 * torch.finfo(self.basis.dtype).eps * largest
        tails = self.couplings @ vectors
        overlaps = (self.ends @ self.ends.T).cpu().double()
        squares = (tails * (overlaps @ tails)).sum(dim=0)
        return values, vectors, squares.clamp(min=0).sqrt()

    def compress(
        self, values: Float64[Tensor, " m"], vectors: Float64[Tensor, "m m"], k: int
    ) -> None:
        """Where V is full, replace it by its leading Ritz vectors."""
        if self.size < len(self.basis):
            return
        kept = values.abs().argsort(descending=True)[: (k + self.size) // 2]
        self.basis[: len(kept)] = vectors[:, kept].T.to(self.basis) @ self.basis
        self.projected = values[kept].diag()
        self.couplings = self.couplings @ vectors[:, kept]

    def content(self) -> dict[str, Any]:
        """All that `restore` needs."""
        return {
            "vectors": self.vectors.clone(),
            "ends": self.ends,
            "projected": self.projected,
            "couplings": self.couplings,
            "rounding": self.rounding,
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Go on from what `content` gave."""
        self.basis[: len(content["vectors"])] = content["vectors"]
        self.ends = content["ends"].to(self.basis)
        self.projected, self.couplings = content["projected"], content["couplings"]
        self.rounding = content["rounding"]

    def _add_end(self, end: Vector, coupling: Float64[Tensor, " m"]) -> None:
        self.ends = torch.cat([self.ends, end[None]])
        self.couplings = torch.cat([self.couplings, coupling[None]])

    def _drop_first_end(self) -> None:
        self.ends, self.couplings = self.ends[1:], self.couplings[1:]


def _coefficient(row: Vector, product: Vector) -> float:
    """How much of the row, of length one, is in the product."""
    return (row @ product).item()


def _orthogonalised(
    vector: Vector, basis: Float[Tensor, "m P"], known: Float64[Tensor, " m"]
) -> tuple[Float64[Tensor, " m"], Vector]:
    """Coefficients in the basis of orthonormal rows, and what they leave.

    `known` are the coefficients as far as they are known beforehand. Gram-Schmidt, and
    once more where it leaves little (Daniel, Gragg, Kaufman and Stewart 1976): what is
    known is left out first, or every product would need the basis twice.
    """
    coefficients, rest = known.clone(), vector
    for row in known.nonzero()[:, 0]:
        rest = torch.sub(rest, basis[row], alpha=known[row].item())
    for _ in range(2):
        length, further = rest.norm(), basis @ rest
        rest = rest - basis.T @ further
        coefficients += further.cpu().double()
        if rest.norm() > length / sqrt(2):
            break
    return coefficients, rest

"""The space that Lanczos steps span, and the eigenpairs that are seen in it."""

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
        _, rest = _orthogonalised(direction.to(self.basis), self.vectors)
        self._add_end(rest / rest.norm(), torch.zeros(self.size, dtype=torch.float64))

    def extend(self, rng: torch.Generator) -> None:
        """Multiply the first of the loose ends, which becomes a row of V."""
        while self.couplings[0].any() and self.ends[0].norm() <= self.rounding:
            self._drop_first_end()
            self.start(rng)
        size = self.size
        following = self.ends[0] / self.ends[0].norm()
        if len(self.ends) > 1:  # rows were added while it waited
            _, rest = _orthogonalised(following, self.vectors)
            following = rest / rest.norm()
        self._drop_first_end()
        self.basis[size] = following
        product = self.operator(following)
        coefficients, rest = _orthogonalised(product, self.basis[: size + 1])
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


def _orthogonalised(
    vector: Vector, basis: Float[Tensor, "m P"]
) -> tuple[Float64[Tensor, " m"], Vector]:
    """Coefficients in the basis of orthonormal rows, and what they leave.

    Gram-Schmidt twice: once is not enough in float32 (Parlett's "twice is enough").
    """
    first = basis @ vector
    rest = vector - basis.T @ first
    second = basis @ rest
    return (first + second).cpu().double(), rest - basis.T @ second

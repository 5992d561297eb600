"""Density and trace of the whole spectrum of a symmetric operator.

Stochastic Lanczos quadrature (Ubaru, Chen and Saad 2017): from a random unit vector,
the Ritz values and the squares of their vectors' first coordinates are nodes and
weights of the spectrum's density. Eigenpairs that are known are left out of it, so that
only the rest is estimated.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from normscope.curvature.hessian import Projected
from normscope.curvature.krylov import KrylovSpace, Operator

Values = Float64[Tensor, " steps"]


@dataclass(frozen=True)
class Rest:
    """An operator off its known eigenvectors, which are orthonormal rows."""

    operator: Operator
    known: Float[Tensor, "k P"]

    @property
    def dimension(self) -> int:
        """Of the complement of the known eigenvectors."""
        return self.operator.dimension - len(self.known)

    def draw(self, rng: torch.Generator) -> Float[Tensor, " P"]:
        """A random unit vector in the complement."""
        vector = torch.randn(self.operator.dimension, generator=rng).to(self.known)
        for _ in range(2):  # once is not enough in float32
            vector = vector - self.known.T @ (self.known @ vector)
        return vector / vector.norm()

    def quadrature(self, steps: int, rng: torch.Generator) -> tuple[Values, Values]:
        """Nodes and weights after that many products, from one random vector.

        The weights' sum is 1. There are no more nodes than the complement has
        dimensions.
        """
        size = min(steps, self.dimension)
        space = KrylovSpace(Projected(self.operator, self.known), size)
        space.restore(
            {
                "vectors": space.vectors,
                "ends": self.draw(rng)[None],
                "projected": torch.zeros(0, 0, dtype=torch.float64),
                "couplings": torch.zeros(1, 0, dtype=torch.float64),
                "rounding": 0.0,
            }
        )
        for _ in range(size):
            space.extend(rng)
            nodes, vectors, _ = space.ritz_pairs()
        return nodes, vectors[0].square()

    def trace_sample(self, rng: torch.Generator) -> float:
        """An unbiased estimate of its trace, from one product (Hutchinson 1989)."""
        vector = self.draw(rng)
        return (vector @ self.operator(vector)).item() * self.dimension


def mean_and_error(samples: Float64[Tensor, " n"]) -> tuple[float, float]:
    """The samples' mean, and its standard error."""
    return samples.mean().item(), (samples.std() / len(samples) ** 0.5).item()


def whole(
    nodes: Float64[Tensor, "starts steps"],
    weights: Float64[Tensor, "starts steps"],
    known: Float64[Tensor, " k"],
    dimension: int,
) -> tuple[Float64[Tensor, "starts more"], Float64[Tensor, "starts more"]]:
    """Nodes and weights of the whole spectrum, from those of the rest and the known
    eigenvalues, which have the weight 1 / dimension each.
    """
    exact = known.expand(len(nodes), -1)
    share = (dimension - len(known)) / dimension
    return (
        torch.cat([exact, nodes], 1),
        torch.cat([torch.full_like(exact, 1 / dimension), share * weights], 1),
    )

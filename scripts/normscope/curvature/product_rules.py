"""How linear layers and products of tensors take tangents through."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature.rules import Point, Rule, Tensors

Entries = Float[Tensor, "..."]


def linear(
    at: Point,
    input: Float[Tensor, "*batch I"],
    weight: Float[Tensor, "O I"],
    bias: Float[Tensor, " O"] | None = None,
) -> Rule | None:
    """The rule of torch.nn.functional.linear."""
    # Vectors are few, and layers where only the bias moves are rare.
    if input.dim() < 2 or weight.dim() < 2 or at.moving == {"bias"}:
        return None
    return Linear(at, input, weight)


def multiplication(
    at: Point, input: Entries | float, other: Entries | float
) -> Rule | None:
    """The rule of torch.mul where both factors move."""
    return Multiplication(at, input, other) if len(at.moving) == 2 else None


def matrix_product(
    at: Point, input: Entries | float, other: Entries | float
) -> Rule | None:
    """The rule of torch.matmul where both factors move, and neither is a vector."""
    if len(at.moving) < 2 or min(input.dim(), other.dim()) < 2:
        return None
    return MatrixProduct(at, input, other)


class Linear(Rule):
    """y = x W' + b over the last dimension of x."""

    def __init__(
        self,
        at: Point,
        x: Float[Tensor, "*batch I"],
        weight: Float[Tensor, "O I"],
    ) -> None:
        self.moving, self.shape, self.weight = at.moving, x.shape, weight.detach()
        self.x, self.g = x.flatten(0, -2), at.g.flatten(0, -2)
        self.gradients = {}
        if "input" in at.wanted:
            self.gradients["input"] = (self.g @ self.weight).view(self.shape)
        if "weight" in at.wanted:
            self.gradients["weight"] = self.g.T @ self.x
        if "bias" in at.wanted:
            self.gradients["bias"] = self.g.sum(0)

    def forward(self, d: Tensors) -> tuple[Float[Tensor, "*batch O"], tuple]:
        dx = d["input"].flatten(0, -2) if "input" in d else None
        dw, db = d.get("weight"), d.get("bias")
        if dw is not None:
            dy = self.x @ dw.T if db is None else torch.addmm(db, self.x, dw.T)
            if dx is not None:
                dy.addmm_(dx, self.weight.T)
        else:
            dy = torch.nn.functional.linear(dx, self.weight, db)
        return dy.view(*self.shape[:-1], dy.shape[-1]), (dx, dw)

    def backward(self, kept: tuple, dg: Float[Tensor, "*batch O"]) -> Tensors:
        (dx, dw), dg, found = kept, dg.flatten(0, -2), {}
        both = dx is not None and dw is not None
        if dx is not None:
            by_x = dg @ self.weight
            if both:
                by_x.addmm_(self.g, dw)
            found["input"] = by_x.view(self.shape)
        if dw is not None:
            found["weight"] = dg.T @ self.x
            if both:
                found["weight"].addmm_(self.g.T, dx)
        if "bias" in self.moving:
            found["bias"] = dg.sum(0)
        return found


class Product(Rule):
    """y = a b, linear in both, which both move."""

    def __init__(self, at: Point, input: Entries, other: Entries) -> None:
        self.a, self.b, self.g = input, other, at.g
        self.gradients = {}
        if "input" in at.wanted:
            self.gradients["input"] = self.by_first(at.g, other)
        if "other" in at.wanted:
            self.gradients["other"] = self.by_second(at.g, input)

    def forward(self, d: Tensors) -> tuple[Entries, Tensors]:
        dy = self.product(d["input"], self.b)
        return dy.add_(self.product(self.a, d["other"])), d

    def backward(self, kept: Tensors, dg: Entries) -> Tensors:
        return {
            "input": self.by_first(dg, self.b) + self.by_first(self.g, kept["other"]),
            "other": self.by_second(dg, self.a) + self.by_second(self.g, kept["input"]),
        }

    @abstractmethod
    def product(self, a: Entries, b: Entries) -> Entries:
        """a b."""

    @abstractmethod
    def by_first(self, g: Entries, b: Entries) -> Entries:
        """The gradient by a, for a gradient g by the product."""

    @abstractmethod
    def by_second(self, g: Entries, a: Entries) -> Entries:
        """The gradient by b."""


class Multiplication(Product):
    """Entry by entry, of sizes that broadcast."""

    def product(self, a: Entries, b: Entries) -> Entries:
        return a * b

    def by_first(self, g: Entries, b: Entries) -> Entries:
        return (g * b).sum_to_size(self.a.shape)

    def by_second(self, g: Entries, a: Entries) -> Entries:
        return (g * a).sum_to_size(self.b.shape)


class MatrixProduct(Product):
    """Of matrices, or stacks of them that broadcast."""

    def product(self, a: Entries, b: Entries) -> Entries:
        return a @ b

    def by_first(self, g: Entries, b: Entries) -> Entries:
        return (g @ b.mT).sum_to_size(self.a.shape)

    def by_second(self, g: Entries, a: Entries) -> Entries:
        return (a.mT @ g).sum_to_size(self.b.shape)

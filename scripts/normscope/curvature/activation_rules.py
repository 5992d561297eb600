"""How functions that work entry by entry take tangents through."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature.autograd_rule import Call
from normscope.curvature.rules import Point, Rule, Tensors

Entries = Float[Tensor, "*sizes"]
Derivatives = Callable[[Entries], tuple[Entries, Entries | None]]


class Activation(Rule):
    """y = f(x) entry by entry, by f's first and second derivative; None is 0."""

    def __init__(self, at: Point, name: str, x: Entries, f: Derivatives) -> None:
        self.name = name
        self.slope, self.second_derivative_times_g = f(x)
        if self.second_derivative_times_g is not None:
            self.second_derivative_times_g.mul_(at.g)
        self.gradients = dict.fromkeys(at.wanted, self.slope * at.g)

    def forward(self, d: Tensors) -> tuple[Entries, Entries | None]:
        dx = d[self.name]
        is_straight = self.second_derivative_times_g is None
        return self.slope * dx, None if is_straight else dx

    def backward(self, kept: Entries | None, dg: Entries) -> Tensors:
        dg *= self.slope
        if kept is not None:
            dg.addcmul_(self.second_derivative_times_g, kept)
        return {self.name: dg}


def by_autograd(call: Call, name: str, x: Entries) -> tuple[Entries, Entries | None]:
    """The derivatives of a call that works entry by entry, on the argument `name`."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        y = call({name: x})
        (slope,) = torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)
        if not slope.requires_grad:
            return slope, None
        (second,) = torch.autograd.grad(
            slope, x, torch.ones_like(slope), materialize_grads=True
        )
    return slope.detach(), second if second.any() else None

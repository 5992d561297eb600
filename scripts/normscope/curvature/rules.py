"""The rules by which layers take tangents through: what they share, and general ones.

At a layer x is the input, y the output, g the gradient of the loss by y; d marks the
derivative along a direction of parameter space, at a fixed point. What does not depend
on the direction is computed once, when the rule is made.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import jvp, vjp


class Rule(ABC):
    """How one layer takes tangents through.

    dw is the direction's part for the layer's weights, where it has any; dx is None at
    the first layer that has weights, before which nothing moves.

    Who may write over what: `forward` over dx, `backward` over dg and what `forward`
    kept, as nobody else looks at these again. So dy shares no memory with numbers that
    are kept: the next rule may write over it. No rule writes over dw or what it holds
    itself, which serve every product.
    """

    @abstractmethod
    def gradient_by_input(self, x: Tensor, g: Tensor) -> Tensor:
        """The gradient of the loss by x."""

    @abstractmethod
    def forward(self, dx: Tensor | None, dw: Tensor | None) -> tuple[Tensor, Any]:
        """dy, and what `backward` is to get of this call."""

    @abstractmethod
    def backward(
        self, kept: Any, dg: Tensor, dw: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """The derivatives of the gradients by x, if dx was given, and by the weights,
        if there are any.
        """


class Linear(Rule):
    """A linear layer without parameters: its tangents go the way of its values."""

    def __init__(self, layer: nn.Module, x: Tensor, g: Tensor) -> None:
        self.layer = layer

    def gradient_by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return _gradient_by_input(self.layer, x, g)

    def forward(self, dx: Tensor, dw: None) -> tuple[Tensor, Tensor]:
        return self.layer(dx), dx  # kept for its sizes

    def backward(self, kept: Tensor, dg: Tensor, dw: None) -> tuple[Tensor, None]:
        return _gradient_by_input(self.layer, kept, dg), None


class AnyLayer(Rule):
    """A layer without parameters that has no rule of its own, by autograd."""

    def __init__(self, layer: nn.Module, x: Tensor, g: Tensor) -> None:
        self.layer, self.x, self.g = layer, x, g

    def gradient_by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return _gradient_by_input(self.layer, x, g)

    def forward(self, dx: Tensor, dw: None) -> tuple[Tensor, Tensor]:
        return jvp(self.layer, (self.x,), (dx,))[1], dx

    def backward(self, kept: Tensor, dg: Tensor, dw: None) -> tuple[Tensor, None]:
        def gradient(x: Tensor, g: Tensor) -> Tensor:
            return vjp(self.layer, x)[1](g)[0]

        return jvp(gradient, (self.x, self.g), (kept, dg))[1], None


def tensors_of(rule: Rule) -> Iterator[Tensor]:
    """All that the rule holds."""
    for value in vars(rule).values():
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Rule):
            yield from tensors_of(value)


def _gradient_by_input(layer: nn.Module, x: Tensor, g: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(layer(x), x, g)[0]

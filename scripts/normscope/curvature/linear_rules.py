"""How functions that are linear in all that moves take tangents through."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from normscope.curvature.autograd_rule import Call, dense, with_gradients
from normscope.curvature.rules import Gradient, Point, Rule, Tensors


def linear_map(at: Point, call: Call, tensors: Tensors) -> Rule | None:
    """The rule of a call that is linear for most arguments: not of one with a constant
    term.
    """
    zero = call({name: torch.zeros_like(x) for name, x in tensors.items()})
    parts = (zero,) if isinstance(zero, Tensor) else zero
    return None if any(part.any() for part in parts) else LinearMap(at, call, tensors)


def addition(
    at: Point, input: Tensor | float, other: Tensor | float, *, alpha: float = 1
) -> Rule:
    """The rule of torch.add."""
    return Sum(at, {"input": input, "other": other}, alpha)


def subtraction(
    at: Point, input: Tensor | float, other: Tensor | float, *, alpha: float = 1
) -> Rule:
    """The rule of torch.sub."""
    return Sum(at, {"input": input, "other": other}, -alpha)


def dropout(
    at: Point,
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> Rule | None:
    """The rule of torch.nn.functional's dropouts, which evaluation turns off."""
    return None if training and p else Sum(at, {"input": input}, 1)


def part(at: Point, input: Any, index: Any) -> Rule | None:
    """The rule of an entry of a tuple; entries of a tensor are a linear map."""
    return None if isinstance(input, Tensor) else Part(at, input, index)


class LinearMap(Rule):
    """y = L x, with x all arguments that move: tangents go the way of the values."""

    passes_on = True

    def __init__(self, at: Point, call: Call, tensors: Tensors) -> None:
        self.call = call
        found = _transposed(call, tensors, at.g)
        self.gradients = {name: found[name] for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Any, Tensors]:
        return _each(dense, self.call(d)), d  # kept for their sizes

    def backward(self, kept: Tensors, dg: Gradient) -> Tensors:
        found = _transposed(self.call, kept, dg)
        return {name: dense(by_x) for name, by_x in found.items()}


class Reshaped(Rule):
    """The same entries in another shape."""

    passes_on = True

    def __init__(self, at: Point, call: Call, tensors: Tensors) -> None:
        ((self.name, x),) = tensors.items()
        self.call, self.shape = call, x.shape
        self.gradients = {name: at.g.reshape(self.shape) for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Tensor, None]:
        return self.call(d), None

    def backward(self, kept: None, dg: Tensor) -> Tensors:
        return {self.name: dg.reshape(self.shape)}


class Sum(Rule):
    """y = input + factor x other, of sizes that broadcast."""

    passes_on = True

    def __init__(self, at: Point, terms: dict[str, Any], factor: float) -> None:
        self.sizes = {name: terms[name].shape for name in at.moving}
        self.size = at.g.shape
        self.factors = {"input": 1, "other": factor}
        self.gradients = {name: self._back(name, at.g) for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Tensor, None]:
        if len(d) == 2:
            factor = self.factors["other"]
            return torch.add(d["input"], d["other"], alpha=factor), None
        ((name, dx),) = d.items()
        dy = dx if self.factors[name] == 1 else self.factors[name] * dx
        return dense(dy.expand(self.size)), None

    def backward(self, kept: None, dg: Tensor) -> Tensors:
        found = {name: self._back(name, dg) for name in self.sizes}
        # One of two may have the memory of dg.
        if len(found) == 2 and found["other"].data_ptr() == dg.data_ptr():
            found["other"] = found["other"].clone()
        return found

    def _back(self, name: str, g: Tensor) -> Tensor:
        g = g.sum_to_size(self.sizes[name])
        return g if self.factors[name] == 1 else self.factors[name] * g


class Part(Rule):
    """One of a function's several outputs."""

    passes_on = True

    def __init__(self, at: Point, input: tuple, index: int) -> None:
        self.index = index % len(input)
        self.gradients = {name: {self.index: at.g} for name in at.wanted}

    def forward(self, d: dict[str, tuple]) -> tuple[Tensor, None]:
        return d["input"][self.index], None

    def backward(self, kept: None, dg: Tensor) -> dict[str, Gradient]:
        return {"input": {self.index: dg}}


def _each(function: Callable, y: Any) -> Any:
    return function(y) if isinstance(y, Tensor) else tuple(map(function, y))


def _transposed(call: Call, like: Tensors, g: Gradient) -> Tensors:
    """L' g, by the arguments' names, for a linear call; `like` has their sizes."""
    leaves = {name: x.detach().requires_grad_() for name, x in like.items()}
    with torch.enable_grad():
        outputs, gradients = with_gradients(call(leaves), g)
    found = torch.autograd.grad(outputs, list(leaves.values()), gradients)
    return dict(zip(leaves, found, strict=True))

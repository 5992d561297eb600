"""The rule of any function that can be differentiated twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge, saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel

from normscope.curvature.rules import Gradient, Point, Rule, Tensors

# A function of the arguments that move, by their names; the others it knows.
Call = Callable[[Tensors], Any]


class ByAutograd(Rule):
    """Any function that can be differentiated twice, from graphs that are made once.

    v = J'(x) g is linear in g: the transpose of its derivative by g is J. That by x is
    symmetric, and so its own transpose.
    """

    def __init__(self, at: Point, call: Call, tensors: Tensors) -> None:
        self.names = list(tensors)
        self.x = [x.detach().requires_grad_() for x in tensors.values()]
        # What attention uses by itself on some devices is differentiable only once.
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), _saved() as self.saved:
            # A function in place must not write over what is differentiated by.
            inputs = [x.clone() for x in self.x]
            y = call(dict(zip(self.names, inputs, strict=True)))
            outputs, g = with_gradients(y, at.g)
            self.g = [part.detach().requires_grad_() for part in g]
            v = torch.autograd.grad(
                outputs, self.x, self.g, create_graph=True, materialize_grads=True
            )
        self.numbers = None if isinstance(y, Tensor) else _numbers(y)
        self.y = [get_gradient_edge(part) for part in outputs]
        self.v = [get_gradient_edge(v_x) if v_x.requires_grad else None for v_x in v]
        by_name = dict(zip(self.names, v, strict=True))
        self.gradients = {name: by_name[name].detach() for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Any, list[Tensor]]:
        pairs = [
            (edge, d[name])
            for edge, name in zip(self.v, self.names, strict=True)
            if edge is not None
        ]
        if not pairs:
            found = [torch.zeros_like(leaf) for leaf in (*self.g, *self.x)]
        else:
            edges, tangents = zip(*pairs, strict=True)
            found = torch.autograd.grad(
                edges,
                (*self.g, *self.x),
                tangents,
                retain_graph=True,
                materialize_grads=True,
            )
        dy = [dense(part) for part in found[: len(self.g)]]
        if self.numbers is None:
            return dy[0], list(found[len(self.g) :])
        by_number = dict(zip(self.numbers, dy, strict=True))
        outputs = tuple(by_number.get(n) for n in range(max(self.numbers) + 1))
        return outputs, list(found[len(self.g) :])

    def backward(self, kept: list[Tensor], dg: Gradient) -> Tensors:
        gradients = [dg]
        if self.numbers is not None:
            gradients = [
                dg[number] if number in dg else torch.zeros_like(g)
                for number, g in zip(self.numbers, self.g, strict=True)
            ]
        found = torch.autograd.grad(
            self.y, self.x, gradients, retain_graph=True, materialize_grads=True
        )
        return {
            name: by_x + more
            for name, by_x, more in zip(self.names, found, kept, strict=True)
        }

    def storages(self) -> dict[int, int]:
        return super().storages() | self.saved


def dense(x: Tensor | None) -> Tensor | None:
    """The tensor with each entry in a place of its own, so that it can be written."""
    if x is None or all(
        stride or size == 1 for size, stride in zip(x.shape, x.stride(), strict=True)
    ):
        return x
    return x.contiguous()


def with_gradients(y: Any, g: Gradient) -> tuple[list[Tensor], list[Tensor]]:
    """The outputs that have derivatives, and the gradients by them."""
    if isinstance(y, Tensor):
        return [y], [g]
    numbers = _numbers(y)
    return (
        [y[number] for number in numbers],
        [g[n] if n in g else torch.zeros_like(y[n]) for n in numbers],
    )


def _numbers(y: tuple) -> list[int]:
    """Of the outputs that have derivatives."""
    return [
        number
        for number, part in enumerate(y)
        if isinstance(part, Tensor) and part.requires_grad
    ]


@contextmanager
def _saved() -> Iterator[dict[int, int]]:
    """Bytes of each piece of memory that autograd saves meanwhile, by its address."""
    storages: dict[int, int] = {}

    with saved_tensors_hooks(partial(_count, storages), lambda tensor: tensor):
        yield storages


def _count(storages: dict[int, int], tensor: Tensor) -> Tensor:
    storage = tensor.untyped_storage()
    storages[storage.data_ptr()] = storage.nbytes()
    return tensor

"""What the rules share by which the calls in a network's graph take tangents through.

At a call, y = f(arguments); g is the gradient of the loss by y; d marks the derivative
along a direction of parameter space, at a fixed point. An argument moves where it
depends on a trainable parameter, or is one. What does not depend on the direction is
computed once, when the rule is made.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

Tensors = dict[str, Tensor]
# A function with several outputs has the gradients by them under their numbers.
Gradient = Tensor | dict[int, Tensor]


@dataclass(frozen=True)
class Point:
    """Where a function is linearised, beside its arguments.

    `moving` names the arguments that move; `wanted`, those of them by which the
    gradient of the loss is asked for. `reused`: many products are to be computed here,
    so that transforms of the point pay.
    """

    moving: frozenset[str]
    wanted: frozenset[str]
    g: Gradient
    reused: bool


class Rule(ABC):
    """How one call takes tangents through.

    A rule is made with a Point and the call's own arguments; what makes it may give
    None where it does not know the function with such arguments, which then goes
    through autograd. It has the gradients of the loss by the wanted arguments in
    `gradients`, which the graph takes away. In all dictionaries an argument has the
    name that it has in the rule's signature.

    Who may write over what:
    - Tangents of arguments belong to the graph. A rule that writes over one, in
      `forward` or later in `backward`, says `writes`; it then gets tangents that nobody
      else looks at. One whose dy may share memory with a tangent says `passes_on`.
    - `backward` may write over dg and over what `forward` kept.
    - No rule writes over what it holds itself, which serves every product, nor gives
      it away in dy or in a derivative; and no two derivatives share memory.
    """

    writes: ClassVar[bool] = False
    passes_on: ClassVar[bool] = False

    gradients: Tensors

    @abstractmethod
    def forward(self, d: Tensors) -> tuple[Any, Any]:
        """dy, and what `backward` is to get of this call.

        d has the tangents of all arguments that move, and no others.
        """

    @abstractmethod
    def backward(self, kept: Any, dg: Gradient) -> Tensors:
        """The derivatives of the gradients by all arguments that move."""

    def storages(self) -> dict[int, int]:
        """Bytes of each piece of memory that the rule holds, by its address."""
        return {
            tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
            for tensor in tensors_in(vars(self))
        }


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All in it, however deep."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Rule):
        yield from tensors_in(vars(value))
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from tensors_in(part)

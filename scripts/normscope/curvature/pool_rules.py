"""How max pools take tangents through, alone and behind an activation."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from normscope.curvature.activation_rules import Activation, Derivatives
from normscope.curvature.rules import Point, Rule, Tensors

Pixels, Largest = Float[Tensor, "N C H W"], Float[Tensor, "N C h w"]
Places = Int64[Tensor, "N C h w"]
Sizes = int | tuple[int, ...]
# The largest entries and their places; and from a gradient by them, a tensor like x and
# the places, the gradient by x.
Pools = tuple[
    Callable[[Pixels], tuple[Largest, Places]],
    Callable[[Largest, Pixels, Places], Pixels],
]


def max_pools(
    input: Pixels,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pools | None:
    """Those of torch.nn.functional.max_pool2d with these arguments."""
    if return_indices or input.dim() < 4:
        return None
    kernel, step, edge, apart = (
        [size] * 2 if isinstance(size, int) else list(size)
        for size in (kernel_size, stride or kernel_size, padding, dilation)
    )
    pool = partial(
        F.max_pool2d,
        kernel_size=kernel,
        stride=step,
        padding=edge,
        dilation=apart,
        ceil_mode=ceil_mode,
        return_indices=True,
    )

    return pool, partial(_unpooled, (kernel, step, edge, apart, ceil_mode))


def adaptive_max_pools(
    input: Pixels, output_size: Sizes, return_indices: bool = False
) -> Pools | None:
    """Those of torch.nn.functional.adaptive_max_pool2d with these arguments."""
    if return_indices or input.dim() < 4:
        return None
    pool = partial(F.adaptive_max_pool2d, output_size=output_size, return_indices=True)
    return pool, torch.ops.aten.adaptive_max_pool2d_backward


class MaxPool(Rule):
    """The largest entry of each window, whose place does not move."""

    def __init__(self, at: Point, x: Pixels, pools: Pools) -> None:
        pool, self.unpool = pools
        _, self.places = pool(x)
        self.shape, self.stride = x.shape, x.stride()
        self.gradients = {name: self.to_places(at.g) for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Largest, None]:
        return largest(d["input"], self.places), None

    def backward(self, kept: None, dg: Largest) -> Tensors:
        return {"input": self.to_places(dg)}

    def to_places(self, g: Largest) -> Pixels:
        like = torch.empty_strided(
            self.shape, self.stride, dtype=g.dtype, device=g.device
        )
        return self.unpool(g, like, self.places)


class PooledActivation(Rule):
    """An activation and the max pool behind it, the pooling first: of the activation,
    only the largest entries matter.
    """

    def __init__(
        self,
        at: Point,
        name: str,
        x: Pixels,
        activated: Pixels,
        f: Derivatives,
        pools: Pools,
    ) -> None:
        inner = replace(at, wanted=frozenset())
        self.pool = MaxPool(inner, activated, pools)
        self.activation = Activation(inner, name, largest(x, self.pool.places), f)
        by_largest = self.activation.slope * at.g
        self.gradients = {name: self.pool.to_places(by_largest) for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Largest, Largest | None]:
        return self.activation.forward(
            {name: largest(dx, self.pool.places) for name, dx in d.items()}
        )

    def backward(self, kept: Largest | None, dg: Largest) -> Tensors:
        derivatives = self.activation.backward(kept, dg)
        return {name: self.pool.to_places(by_x) for name, by_x in derivatives.items()}


def largest(x: Pixels, places: Places) -> Largest:
    """The entries of x in those places of its flattened pixels."""
    # Channels last, as the others are: half the time of a gather per channel.
    pixels, flat = (t.permute(0, 2, 3, 1).flatten(1, 2) for t in (x, places))
    return pixels.gather(1, flat).mT.unflatten(2, places.shape[2:])


def _unpooled(window: tuple, g: Largest, like: Pixels, places: Places) -> Pixels:
    return torch.ops.aten.max_pool2d_with_indices_backward(g, like, *window, places)

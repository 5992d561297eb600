"""How convolutions take tangents through."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature import winograd_tiles as winograd
from normscope.curvature.rules import Point, Rule, Tensors

# With fewer, Winograd's transforms cost more than they save.
LEAST_CHANNELS = 16
LEAST_PRODUCTS = 2**23  # entries of x times output channels

Weights = Float[Tensor, "O I *kernel"]
Inputs, Outputs = Float[Tensor, "N C *sizes"], Float[Tensor, "N O *fewer"]
PerChannel = Float[Tensor, " O"]
Terms = Float[Tensor, "36 M I"]
Sizes = int | tuple[int, ...]


@dataclass(frozen=True)
class Geometry:
    """How a convolution's windows lie."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int

    def forward(self, x: Inputs, weight: Weights, bias: PerChannel | None) -> Outputs:
        """The convolution itself."""
        none = [0] * len(self.stride)
        return torch.convolution(
            x, weight, bias, self.stride, self.padding, self.dilation, False, none,
            self.groups,
        )  # fmt: skip

    def backward(
        self, g: Outputs, x: Inputs, weight: Weights, wanted: tuple[bool, bool]
    ) -> tuple[Inputs | None, Weights | None]:
        """By the input and by the weight, as wanted, for an output's gradient g."""
        none = [0] * len(self.stride)
        return torch.ops.aten.convolution_backward(
            g, x, weight, None, self.stride, self.padding, self.dilation, False, none,
            self.groups, (*wanted, False),
        )[:2]  # fmt: skip


def convolution(
    at: Point,
    input: Inputs,
    weight: Weights,
    bias: PerChannel | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Rule | None:
    """The rule of torch.nn.functional's conv1d, conv2d and conv3d."""
    over = weight.dim() - 2
    if isinstance(padding, str) or input.dim() != weight.dim():
        return None
    sizes = (
        [size] * over if isinstance(size, int) else list(size)
        for size in (stride, padding, dilation)
    )
    geometry = Geometry(*sizes, groups)
    both_move = {"input", "weight"} <= at.moving
    transformed = at.reused and both_move and transforms_pay(geometry, input, weight)
    kind = WinogradConvolution if transformed else Convolution
    return kind(at, input, weight, geometry)


class Convolution(Rule):
    """y = weight * input + bias."""

    def __init__(
        self, at: Point, x: Inputs, weight: Weights, geometry: Geometry
    ) -> None:
        self.moving, self.geometry = at.moving, geometry
        self.weight, self.x = weight.detach(), x
        self.g = at.g if {"input", "weight"} <= at.moving else None
        self.gradients = _gradients(at, x, self.weight, geometry)

    def forward(self, d: Tensors) -> tuple[Outputs, Tensors]:
        terms = []
        if "weight" in d:
            terms.append(self.geometry.forward(self.x, d["weight"], d.get("bias")))
        if "input" in d:
            # The bias moves with the weight, or by itself where that is constant.
            bias = None if "weight" in d else d.get("bias")
            terms.append(self.geometry.forward(d["input"], self.weight, bias))
        dy, *others = terms
        for other in others:
            dy += other
        return dy, d

    def backward(self, kept: Tensors, dg: Outputs) -> Tensors:
        wanted = ("input" in kept, "weight" in kept)
        by_x, by_w = self.geometry.backward(dg, self.x, self.weight, wanted)
        if all(wanted):
            more_by_x, more_by_w = self.geometry.backward(
                self.g, kept["input"], kept["weight"], wanted
            )
            by_x, by_w = by_x.add_(more_by_x), by_w.add_(more_by_w)
        return _named(self.moving, by_x, by_w, dg)


class WinogradConvolution(Rule):
    """The same for 3 x 3 weights, in Winograd's terms; those of dx are kept."""

    def __init__(
        self, at: Point, x: Inputs, weight: Weights, geometry: Geometry
    ) -> None:
        self.moving, self.weight, self.size = at.moving, weight.detach(), x.shape[2:]
        self.x, self.g = winograd.of_inputs(x), winograd.of_outputs_adjoint(at.g)
        self.gradients = _gradients(at, x, self.weight, geometry)

    def forward(self, d: Tensors) -> tuple[Outputs, tuple[Terms, Weights]]:
        dx, dw = winograd.of_inputs(d["input"]), winograd.of_weights(d["weight"])
        w = winograd.of_weights(self.weight)
        terms = (self.x @ dw.mT).baddbmm_(dx, w.mT)
        dy = winograd.of_outputs(terms, *self.size)
        if "bias" in d:
            dy += d["bias"].view(1, -1, 1, 1)
        return dy, (dx, d["weight"])

    def backward(self, kept: tuple[Terms, Weights], dg: Outputs) -> Tensors:
        dx, dw = kept[0], winograd.of_weights(kept[1])
        w, terms = winograd.of_weights(self.weight), winograd.of_outputs_adjoint(dg)
        by_w = (terms.mT @ self.x).baddbmm_(self.g.mT, dx)
        by_x = torch.matmul(terms, w, out=dx).baddbmm_(self.g, dw)
        return _named(
            self.moving,
            winograd.of_inputs_adjoint(by_x, *self.size),
            winograd.of_weights_adjoint(by_w),
            dg,
        )


def transforms_pay(geometry: Geometry, x: Inputs, weight: Weights) -> bool:
    """Whether Winograd's do: on a CPU, where multiplications bound a convolution."""
    return (
        x.device.type == "cpu"
        and geometry == Geometry([1, 1], [1, 1], [1, 1], 1)
        and weight.shape[2:] == (3, 3)
        and not any(size % winograd.ROWS for size in x.shape[2:])
        and weight.shape[1] >= LEAST_CHANNELS
        and x.numel() * len(weight) >= LEAST_PRODUCTS
    )


def _gradients(at: Point, x: Inputs, weight: Weights, geometry: Geometry) -> Tensors:
    wanted = ("input" in at.wanted, "weight" in at.wanted)
    by_x, by_w = geometry.backward(at.g, x, weight, wanted)
    return _named(at.wanted, by_x, by_w, at.g)


def _named(
    names: frozenset[str], by_x: Inputs | None, by_w: Weights | None, g: Outputs
) -> Tensors:
    by_b = g.sum([0, *range(2, g.dim())]) if "bias" in names else None
    found = {"input": by_x, "weight": by_w, "bias": by_b}
    return {name: found[name] for name in sorted(names)}

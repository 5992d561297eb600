"""How convolutions, the one kind of layer with parameters, take tangents through."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from normscope.curvature import winograd
from normscope.curvature.rules import Rule

# With fewer, Winograd's transforms cost more than they save.
LEAST_CHANNELS = 16
LEAST_PRODUCTS = 2**26  # entries of x times output channels

Weights = Float[Tensor, "O I h w"]
Inputs, Outputs = Float[Tensor, "N I H W"], Float[Tensor, "N O _ _"]
Terms = Float[Tensor, "6 N I _ W"]


class Convolution(Rule):
    """y = W * x."""

    def __init__(self, layer: nn.Conv2d, x: Inputs, g: Outputs | None) -> None:
        self.weight, self.x, self.g = layer.weight.detach(), x, g
        self.padding = layer.padding

    def gradient_by_input(self, x: Inputs, g: Outputs) -> Inputs:
        return _backward(g, x, self.weight, self.padding, (True, False))[0]

    def forward(self, dx: Inputs | None, dw: Weights) -> tuple[Outputs, Inputs | None]:
        dy = F.conv2d(self.x, dw, padding=self.padding)
        if dx is not None:
            dy += F.conv2d(dx, self.weight, padding=self.padding)
        return dy, dx

    def backward(
        self, kept: Inputs | None, dg: Outputs, dw: Weights
    ) -> tuple[Inputs | None, Weights]:
        wanted = (kept is not None, True)
        by_x, by_w = _backward(dg, self.x, self.weight, self.padding, wanted)
        if kept is None:
            return None, by_w
        more_by_x, more_by_w = _backward(self.g, kept, dw, self.padding, wanted)
        return by_x.add_(more_by_x), by_w.add_(more_by_w)


class WinogradConvolution(Rule):
    """The same for 3 x 3 weights, in Winograd's terms; those of dx are kept."""

    padding = (0, 1)  # of a term

    def __init__(self, layer: nn.Conv2d, x: Inputs, g: Outputs) -> None:
        self.weight = layer.weight.detach()
        self.x, self.g = winograd.of_inputs(x), winograd.of_outputs_adjoint(g)

    def gradient_by_input(self, x: Inputs, g: Outputs) -> Inputs:
        return _backward(g, x, self.weight, (1, 1), (True, False))[0]

    def forward(self, dx: Inputs, dw: Weights) -> tuple[Outputs, Terms]:
        dx = winograd.of_inputs(dx)
        w, dw = winograd.of_weights(self.weight), winograd.of_weights(dw)
        dy = torch.empty_like(self.g)
        for term in range(len(dy)):
            one = F.conv2d(self.x[term], dw[term], padding=self.padding)
            other = F.conv2d(dx[term], w[term], padding=self.padding)
            torch.add(one, other, out=dy[term])
        return winograd.of_outputs(dy), dx

    def backward(self, kept: Terms, dg: Outputs, dw: Weights) -> tuple[Inputs, Weights]:
        dx, dg = kept, winograd.of_outputs_adjoint(dg)
        w, dw = winograd.of_weights(self.weight), winograd.of_weights(dw)
        by_x, by_w = dx, torch.empty_like(dw)
        for term in range(len(dg)):
            one, by_w[term] = _backward(dg[term], self.x[term], w[term], self.padding)
            other, more = _backward(self.g[term], dx[term], dw[term], self.padding)
            torch.add(one, other, out=by_x[term])
            by_w[term] += more
        return winograd.of_inputs_adjoint(by_x), winograd.of_weights_adjoint(by_w)


def transforms_pay(layer: nn.Conv2d, x: Inputs) -> bool:
    """Whether Winograd's do: on a CPU, where multiplications bound a convolution."""
    return (
        x.device.type == "cpu"
        and (layer.kernel_size, layer.padding) == ((3, 3), (1, 1))
        and x.shape[2] % winograd.ROWS == 0
        and layer.in_channels >= LEAST_CHANNELS
        and x.numel() * layer.out_channels >= LEAST_PRODUCTS
    )


def _backward(
    g: Outputs,
    x: Inputs,
    weight: Weights,
    padding: tuple[int, int],
    wanted: tuple[bool, bool] = (True, True),
) -> tuple[Inputs | None, Weights | None]:
    """By the input and by the weight, as wanted, for an output's gradient g."""
    return torch.ops.aten.convolution_backward(
        g, x, weight, None, (1, 1), padding, (1, 1), False, (0, 0), 1, (*wanted, False)
    )[:2]

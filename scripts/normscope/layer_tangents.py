"""How each kind of layer takes tangents through, at a fixed point.

At a layer x is the input, y the output, g the gradient of the loss by y; d marks the
derivative along a direction of parameter space. `forward` gives dy; `backward` the
derivative of the gradient by x, and a convolution's also that by its weights. What does
not depend on the direction is computed once. `backward` may write over dx and dg,
`forward` over dx where `needs_dx` is false. `by_input` is the gradient by x itself.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import jvp, vjp

from normscope import shapes, winograd
from normscope.networks import ACTIVATIONS, Scale

OVER_CHANNEL = (0, 2, 3)
# With fewer, Winograd's transforms cost more than they save.
LEAST_CHANNELS = 16
LEAST_PRODUCTS = 2**26  # entries of x times output channels


class Rule:
    """One step on the way of tangents."""

    needs_dx = True  # in `backward`


class Convolution(Rule):
    """y = W * x, the one kind of layer with parameters."""

    def __init__(self, layer: nn.Conv2d, x: Tensor, g: Tensor | None) -> None:
        self.weight, self.x, self.g = layer.weight.detach(), x, g
        self.padding = layer.padding

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return _convolution_backward(g, x, self.weight, self.padding, (True, False))[0]

    def forward(self, dx: Tensor | None, dw: Tensor) -> Tensor:
        dy = F.conv2d(self.x, dw, padding=self.padding)
        if dx is not None:
            dy += F.conv2d(dx, self.weight, padding=self.padding)
        return dy

    def backward(
        self, dx: Tensor | None, dg: Tensor, dw: Tensor
    ) -> tuple[Tensor | None, Tensor]:
        wanted = (dx is not None, True)
        by_x, by_w = _convolution_backward(
            dg, self.x, self.weight, self.padding, wanted
        )
        if dx is None:
            return None, by_w
        more_by_x, more_by_w = _convolution_backward(
            self.g, dx, dw, self.padding, wanted
        )
        return by_x.add_(more_by_x), by_w.add_(more_by_w)


class WinogradConvolution(Rule):
    """The same for 3 x 3 weights, between Winograd's terms of dx and those of dy."""

    padding = (0, 1)

    def __init__(self, layer: nn.Conv2d, x: Tensor, g: Tensor) -> None:
        self.weight = layer.weight.detach()
        self.x, self.g = winograd.of_inputs(x), winograd.of_outputs_adjoint(g)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return _convolution_backward(g, x, self.weight, (1, 1), (True, False))[0]

    def forward(self, dx: Tensor, dw: Tensor) -> Tensor:
        w, dw = winograd.of_weights(self.weight), winograd.of_weights(dw)
        dy = torch.empty_like(self.g)
        for part in range(len(dy)):
            one = F.conv2d(self.x[part], dw[part], padding=self.padding)
            other = F.conv2d(dx[part], w[part], padding=self.padding)
            torch.add(one, other, out=dy[part])
        return dy

    def backward(self, dx: Tensor, dg: Tensor, dw: Tensor) -> tuple[Tensor, Tensor]:
        w, dw = winograd.of_weights(self.weight), winograd.of_weights(dw)
        by_w = torch.empty_like(dw)
        for part in range(len(dg)):
            one, by_w[part] = _convolution_backward(
                dg[part], self.x[part], w[part], self.padding
            )
            other, more = _convolution_backward(
                self.g[part], dx[part], dw[part], self.padding
            )
            torch.add(one, other, out=dx[part])
            by_w[part] += more
        return dx, winograd.of_weights_adjoint(by_w)


class Transform(Rule):
    """A linear map that is the same at every point, and its transpose."""

    needs_dx = False

    def __init__(self, apply: Callable, transpose: Callable) -> None:
        self.apply, self.transpose = apply, transpose

    def forward(self, dx: Tensor) -> Tensor:
        return self.apply(dx)

    def backward(self, dx: None, dg: Tensor) -> Tensor:
        return self.transpose(dg)


TO_TERMS = Transform(winograd.of_inputs, winograd.of_inputs_adjoint)
FROM_TERMS = Transform(winograd.of_outputs, winograd.of_outputs_adjoint)


class Elementwise(Rule):
    """y = f(x) entry by entry; keeps f'(x) and f''(x) g."""

    def __init__(self, layer: nn.Module, x: Tensor, g: Tensor) -> None:
        self.slope, self.bend = layer.derivatives(x)
        self.needs_dx = self.bend is not None
        if self.needs_dx:
            self.bend.mul_(g)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return self.slope * g

    def forward(self, dx: Tensor) -> Tensor:
        return self.slope * dx

    def backward(self, dx: Tensor | None, dg: Tensor) -> Tensor:
        dg *= self.slope
        return dg.addcmul_(self.bend, dx) if self.needs_dx else dg


class MaxPool(Rule):
    """The largest entry of each window, whose place does not move."""

    needs_dx = False

    def __init__(self, layer: nn.MaxPool2d, x: Tensor, g: Tensor) -> None:
        self.window = layer.kernel_size
        _, self.places = F.max_pool2d(x, self.window, return_indices=True)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return F.max_unpool2d(g, self.places, self.window)

    def forward(self, dx: Tensor) -> Tensor:
        # Channels last, as the others are: half the time of a gather per channel.
        pixels, places = (
            tensor.permute(0, 2, 3, 1).flatten(1, 2) for tensor in (dx, self.places)
        )
        return pixels.gather(1, places).mT.unflatten(2, self.places.shape[2:])

    backward = by_input


class FrozenBatchNorm(Rule):
    """A constant factor per channel."""

    needs_dx = False

    def __init__(self, layer: nn.BatchNorm2d, x: Tensor, g: Tensor) -> None:
        self.factor = (layer.running_var + layer.eps).rsqrt().view(1, -1, 1, 1)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return self.factor * g

    def forward(self, dx: Tensor) -> Tensor:
        return dx.mul_(self.factor)

    def backward(self, dx: None, dg: Tensor) -> Tensor:
        return dg.mul_(self.factor)


class ActiveBatchNorm(Rule):
    """y = (x - mean) / deviation with the batch's own statistics.

    Its Jacobian J u = (u - mean u - y mean(y u)) / deviation is symmetric, so that the
    gradient by the input is J g and mean(g J dx) = mean(dx J g); `backward` is d(J g).
    """

    def __init__(self, layer: nn.BatchNorm2d, x: Tensor, g: Tensor) -> None:
        variance, mean = torch.var_mean(x, OVER_CHANNEL, correction=0, keepdim=True)
        self.inverse = (variance + layer.eps).rsqrt()
        self.y = (x - mean) * self.inverse
        self.by_x, self.mean_y_g = self._jacobian(g)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return self.by_x

    def forward(self, dx: Tensor) -> Tensor:
        return self._jacobian(dx)[0]

    def backward(self, dx: Tensor, dg: Tensor) -> Tensor:
        dy, mean_y_dx = self._jacobian(dx)
        mean_g_dy = dx.mul_(self.by_x).mean(OVER_CHANNEL, keepdim=True)
        result, _ = self._jacobian(dg)
        result.addcmul_(self.by_x, -self.inverse * mean_y_dx)
        result.addcmul_(self.y, -self.inverse * mean_g_dy)
        return result.addcmul_(dy, -self.inverse * self.mean_y_g)

    def _jacobian(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """J u, and the mean of y u over each channel.

        By the library's backward pass, in whose terms y has mean 0 and deviation 1.
        """
        factor = self.inverse.flatten()
        zero, one = torch.zeros_like(factor), torch.ones_like(factor)
        by_x, total, _ = torch.ops.aten.native_batch_norm_backward(
            u, self.y, factor, None, None, zero, one, True, 0.0, (True, True, False)
        )
        return by_x, (total / (u.numel() / len(total))).view(1, -1, 1, 1)


class Linear(Rule):
    """A linear layer without parameters: its tangents go the way of its values."""

    def __init__(self, layer: nn.Module, x: Tensor, g: Tensor) -> None:
        self.layer = layer

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return _gradient_by_input(self.layer, x, g)

    def forward(self, dx: Tensor) -> Tensor:
        return self.layer(dx)

    backward = by_input


class AnyLayer(Rule):
    """A layer without parameters that has no rule of its own, by autograd."""

    def __init__(self, layer: nn.Module, x: Tensor, g: Tensor) -> None:
        self.layer, self.x, self.g = layer, x, g

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return _gradient_by_input(self.layer, x, g)

    def forward(self, dx: Tensor) -> Tensor:
        return jvp(self.layer, (self.x,), (dx,))[1]

    def backward(self, dx: Tensor, dg: Tensor) -> Tensor:
        return jvp(
            lambda x, g: vjp(self.layer, x)[1](g)[0], (self.x, self.g), (dx, dg)
        )[1]


CONVOLUTIONS = (Convolution, WinogradConvolution)
RULES = {
    nn.Conv2d: Convolution,
    nn.MaxPool2d: MaxPool,
    nn.Flatten: Linear,
    Scale: Linear,
} | dict.fromkeys(ACTIVATIONS.values(), Elementwise)


def linearised(
    layer: nn.Module, x: Tensor, g: Tensor, reused: bool
) -> tuple[list[Rule], Tensor]:
    """The layer's rules, first to last, and the gradient of the loss by x.

    An activation and a max pool behind it come as a Sequential. `reused` is said where
    many products will be made at this point, so that transforms of it pay.
    """
    shapes.check(x=(x, "N C H W"))
    if isinstance(layer, nn.Sequential):
        return _pooled_activation(*layer, x, g)
    if isinstance(layer, nn.BatchNorm2d):
        kind = ActiveBatchNorm if layer.training else FrozenBatchNorm
    elif reused and isinstance(layer, nn.Conv2d) and _gains(layer, x):
        kind = WinogradConvolution
    else:
        kind = RULES.get(type(layer), AnyLayer)
    rule = kind(layer, x, g)
    rules = [TO_TERMS, rule, FROM_TERMS] if kind is WinogradConvolution else [rule]
    return rules, rule.by_input(x, g)


def _pooled_activation(
    activation: nn.Module, pool: nn.MaxPool2d, x: Tensor, g: Tensor
) -> tuple[list[Rule], Tensor]:
    """The pooling first: of the activation, only the largest entries matter."""
    places = MaxPool(pool, activation(x), g)
    largest = places.forward(x)
    slopes = Elementwise(activation, largest, g)
    return [places, slopes], places.by_input(x, slopes.by_input(largest, g))


def _gains(layer: nn.Conv2d, x: Tensor) -> bool:
    """Whether transforms pay: on a CPU, where multiplications bound a convolution."""
    return (
        x.device.type == "cpu"
        and (layer.kernel_size, layer.padding) == ((3, 3), (1, 1))
        and x.shape[2] % winograd.ROWS == 0
        and layer.in_channels >= LEAST_CHANNELS
        and x.numel() * layer.out_channels >= LEAST_PRODUCTS
    )


def _convolution_backward(
    g: Tensor,
    x: Tensor,
    weight: Tensor,
    padding: tuple[int, int],
    wanted: tuple[bool, bool] = (True, True),
) -> tuple[Tensor, Tensor]:
    """By the input and by the weight, as wanted, for an output's gradient g."""
    return torch.ops.aten.convolution_backward(
        g, x, weight, None, (1, 1), padding, (1, 1), False, (0, 0), 1, (*wanted, False)
    )[:2]


def _gradient_by_input(layer: nn.Module, x: Tensor, g: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(layer(x), x, g)[0]

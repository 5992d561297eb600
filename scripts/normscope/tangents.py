"""The derivative of a network's gradient along a direction, a layer at a time.

Forward over reverse (Pearlmutter 1994) for a chain of layers at a fixed point: all
that depends on the point alone is computed once. At each layer x is the input, g the
gradient of the loss by the output; d marks the derivative along the direction. A rule
keeps what its products need, and may write its result over the tangent it is given;
`by_input` is the gradient of the loss by its input.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import jvp, vjp

from normscope import shapes, winograd
from normscope.networks import ACTIVATIONS, Scale

OVER_CHANNEL = (0, 2, 3)
WIDE = 32  # channels; with fewer, Winograd's transforms cost more than they save


class Convolution:
    """y = W * x, the one kind of layer with parameters."""

    def __init__(self, layer: nn.Conv2d, x: Tensor, g: Tensor) -> None:
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


class WinogradConvolution:
    """The same for 3 x 3 weights behind others, in half the multiplications."""

    padding = (0, 1)

    def __init__(self, layer: nn.Conv2d, x: Tensor, g: Tensor) -> None:
        self.weight = layer.weight.detach()
        self.weights = winograd.of_weights(self.weight)
        self.x, self.g = winograd.of_inputs(x), winograd.of_outputs_adjoint(g)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return _convolution_backward(g, x, self.weight, (1, 1), (True, False))[0]

    def forward(self, dx: Tensor, dw: Tensor) -> Tensor:
        dx, dw = winograd.of_inputs(dx), winograd.of_weights(dw)
        dy = torch.empty_like(self.g)
        for part in range(len(dy)):
            one = F.conv2d(self.x[part], dw[part], padding=self.padding)
            other = F.conv2d(dx[part], self.weights[part], padding=self.padding)
            torch.add(one, other, out=dy[part])
        return winograd.of_outputs(dy)

    def backward(self, dx: Tensor, dg: Tensor, dw: Tensor) -> tuple[Tensor, Tensor]:
        dx, dw = winograd.of_inputs(dx), winograd.of_weights(dw)
        dg, by_w = winograd.of_outputs_adjoint(dg), torch.empty_like(dw)
        for part in range(len(dg)):
            one, by_w[part] = _convolution_backward(
                dg[part], self.x[part], self.weights[part], self.padding
            )
            other, more = _convolution_backward(
                self.g[part], dx[part], dw[part], self.padding
            )
            torch.add(one, other, out=dx[part])
            by_w[part] += more
        return winograd.of_inputs_adjoint(dx), winograd.of_weights_adjoint(by_w)


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


class Elementwise:
    """y = f(x) entry by entry; keeps f'(x) and f''(x) g."""

    def __init__(self, layer: nn.Module, x: Tensor, g: Tensor) -> None:
        self.slope, self.bend = layer.derivatives(x)
        if self.bend is not None:
            self.bend.mul_(g)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return self.slope * g

    def forward(self, dx: Tensor) -> Tensor:
        return self.slope * dx

    def backward(self, dx: Tensor, dg: Tensor) -> Tensor:
        dg *= self.slope
        return dg if self.bend is None else dg.addcmul_(self.bend, dx)


class MaxPool:
    """The largest entry of each window, whose place does not move."""

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

    def backward(self, dx: Tensor, dg: Tensor) -> Tensor:
        return F.max_unpool2d(dg, self.places, self.window)


class FrozenBatchNorm:
    """A constant factor per channel."""

    def __init__(self, layer: nn.BatchNorm2d, x: Tensor, g: Tensor) -> None:
        self.factor = (layer.running_var + layer.eps).rsqrt().view(1, -1, 1, 1)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return self.factor * g

    def forward(self, dx: Tensor) -> Tensor:
        return dx.mul_(self.factor)

    def backward(self, dx: Tensor, dg: Tensor) -> Tensor:
        return dg.mul_(self.factor)


class ActiveBatchNorm:
    """y = (x - mean) / deviation with the batch's own statistics.

    Its Jacobian J u = (u - mean u - y mean(y u)) / deviation is symmetric, so that the
    gradient by the input is J g; d(J g) is written out below.
    """

    def __init__(self, layer: nn.BatchNorm2d, x: Tensor, g: Tensor) -> None:
        variance, mean = torch.var_mean(x, OVER_CHANNEL, correction=0, keepdim=True)
        self.inverse = (variance + layer.eps).rsqrt()
        self.y, self.g = (x - mean) * self.inverse, g
        self.share = self._mean(self.y * g)
        self.by_x = self._jacobian(g)

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return self.by_x

    def forward(self, dx: Tensor) -> Tensor:
        return self._jacobian(dx)

    def backward(self, dx: Tensor, dg: Tensor) -> Tensor:
        dy = self._jacobian(dx)
        growth = self._mean(self.y * dx) * self.inverse
        turn = dy * self.share + self.y * self._mean(dy * self.g)
        return self._jacobian(dg) - growth * self.by_x - self.inverse * turn

    def _jacobian(self, u: Tensor) -> Tensor:
        return self.inverse * (u - self._mean(u) - self.y * self._mean(self.y * u))

    def _mean(self, u: Tensor) -> Tensor:
        return u.mean(OVER_CHANNEL, keepdim=True)


class Linear:
    """A linear layer without parameters: its tangents go the way of its values."""

    def __init__(self, layer: nn.Module, x: Tensor, g: Tensor) -> None:
        self.layer = layer

    def by_input(self, x: Tensor, g: Tensor) -> Tensor:
        return _gradient_by_input(self.layer, x, g)

    def forward(self, dx: Tensor) -> Tensor:
        return self.layer(dx)

    def backward(self, dx: Tensor, dg: Tensor) -> Tensor:
        return _gradient_by_input(self.layer, dx, dg)


class AnyLayer:
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
}


def _rule(layer: nn.Module, x: Tensor) -> Callable:
    if isinstance(layer, nn.Conv2d) and _worth_transforming(layer, x):
        return WinogradConvolution
    if isinstance(layer, nn.BatchNorm2d):
        return ActiveBatchNorm if layer.training else FrozenBatchNorm
    if isinstance(layer, tuple(ACTIVATIONS.values())):
        return Elementwise
    return RULES.get(type(layer), AnyLayer)


class LinearisedGradient:
    """The map v -> d/dt of the gradient at parameters + t v, on one batch.

    The batch's images are constant, so layers before the first convolution drop out.
    """

    def __init__(
        self, network: nn.Sequential, loss: Callable[[Tensor], Tensor], images: Tensor
    ) -> None:
        shapes.check(images=(images, "N C H W"))
        layers = dict(network.named_children())
        first = next(name for name, layer in layers.items() if _has_weights(layer))
        inputs, y = {}, images
        with torch.no_grad():
            for name, layer in layers.items():
                inputs[name], y = y, layer(y)
        self.logits = y.requires_grad_()
        (self.by_logits,) = torch.autograd.grad(
            loss(self.logits), self.logits, create_graph=True
        )
        self.rules: dict[str, object] = {}
        g = self.by_logits.detach()
        for name, layer in reversed(layers.items()):
            x = inputs.pop(name)
            kind = Convolution if name == first else _rule(layer, x)
            self.rules[name] = rule = kind(layer, x, g)
            if name == first:
                break
            g = rule.by_input(x, g)
        self.rules = dict(reversed(self.rules.items()))

    def __call__(self, direction: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The derivative of each parameter's gradient, by its name."""
        inputs: dict[str, Tensor | None] = {}
        dx = None
        for name, rule in self.rules.items():
            inputs[name] = dx
            weights = _weights_of(name, rule, direction)
            dx = rule.forward(dx, *weights)
        # The loss has a symmetric Hessian by the logits, which keeps its graph.
        (dg,) = torch.autograd.grad(self.by_logits, self.logits, dx, retain_graph=True)
        result = {}
        for name, rule in reversed(self.rules.items()):
            weights = _weights_of(name, rule, direction)
            dg = rule.backward(inputs[name], dg, *weights)
            if weights:
                dg, result[f"{name}.weight"] = dg
        return {name: result[name] for name in direction}

    @property
    def nbytes(self) -> int:
        """Memory that the kept tensors take."""
        kept = {
            value.untyped_storage().data_ptr(): value.untyped_storage().nbytes()
            for rule in self.rules.values()
            for value in vars(rule).values()
            if isinstance(value, Tensor)
        }
        return sum(kept.values())


def _worth_transforming(layer: nn.Conv2d, x: Tensor) -> bool:
    """On a CPU, whose convolutions are bound by their multiplications."""
    fits = layer.kernel_size == (3, 3) and layer.padding == (1, 1)
    fits = fits and x.shape[2] % winograd.ROWS == 0
    return fits and x.device.type == "cpu" and layer.in_channels >= WIDE


def _has_weights(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters())


def _weights_of(name: str, rule: object, direction: Mapping[str, Tensor]) -> tuple:
    return (direction[f"{name}.weight"],) if isinstance(rule, CONVOLUTIONS) else ()


def _gradient_by_input(layer: nn.Module, x: Tensor, g: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(layer(x), x, g)[0]

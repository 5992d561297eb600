"""How activations and max pools take tangents through."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from normscope.curvature.rules import Rule

Entries = Float[Tensor, "*sizes"]
Pixels, Largest = Float[Tensor, "N C H W"], Float[Tensor, "N C h w"]


class Activation(Rule):
    """y = f(x) entry by entry."""

    def __init__(self, layer: nn.Module, x: Entries, g: Entries) -> None:
        self.slope, self.second_derivative_times_g = layer.derivatives(x)
        if self.second_derivative_times_g is not None:
            self.second_derivative_times_g.mul_(g)

    def gradient_by_input(self, x: Entries, g: Entries) -> Entries:
        return self.slope * g

    def forward(self, dx: Entries, dw: None) -> tuple[Entries, Entries | None]:
        is_straight = self.second_derivative_times_g is None
        return self.slope * dx, None if is_straight else dx

    def backward(
        self, kept: Entries | None, dg: Entries, dw: None
    ) -> tuple[Entries, None]:
        dg *= self.slope
        if kept is not None:
            dg.addcmul_(self.second_derivative_times_g, kept)
        return dg, None


class MaxPool(Rule):
    """The largest entry of each window, whose place does not move."""

    def __init__(self, layer: nn.MaxPool2d, x: Pixels, g: Largest) -> None:
        self.window = layer.kernel_size
        _, self.places = F.max_pool2d(x, self.window, return_indices=True)

    def gradient_by_input(self, x: Pixels, g: Largest) -> Pixels:
        return F.max_unpool2d(g, self.places, self.window)

    def forward(self, dx: Pixels, dw: None) -> tuple[Largest, None]:
        # Channels last, as the others are: half the time of a gather per channel.
        pixels, places = (
            tensor.permute(0, 2, 3, 1).flatten(1, 2) for tensor in (dx, self.places)
        )
        return pixels.gather(1, places).mT.unflatten(2, self.places.shape[2:]), None

    def backward(self, kept: None, dg: Largest, dw: None) -> tuple[Pixels, None]:
        return F.max_unpool2d(dg, self.places, self.window), None


class ActivationThenPool(nn.Sequential):
    """An activation and the max pool behind it."""


class PooledActivation(Rule):
    """The pooling first: of the activation, only the largest entries matter."""

    def __init__(self, layer: ActivationThenPool, x: Pixels, g: Largest) -> None:
        activation, pool = layer
        self.pool = MaxPool(pool, activation(x), g)
        self.activation = Activation(activation, self.pool.forward(x, None)[0], g)

    def gradient_by_input(self, x: Pixels, g: Largest) -> Pixels:
        return self.pool.gradient_by_input(x, self.activation.slope * g)

    def forward(self, dx: Pixels, dw: None) -> tuple[Largest, Largest | None]:
        return self.activation.forward(self.pool.forward(dx, dw)[0], dw)

    def backward(
        self, kept: Largest | None, dg: Largest, dw: None
    ) -> tuple[Pixels, None]:
        return self.pool.backward(None, self.activation.backward(kept, dg, dw)[0], dw)

"""How batch norm takes tangents through, frozen and active."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.curvature.rules import Rule

OVER_CHANNEL = (0, 2, 3)

Pixels, PerChannel = Float[Tensor, "N C H W"], Float[Tensor, "1 C 1 1"]


class FrozenBatchNorm(Rule):
    """A constant factor per channel."""

    def __init__(self, layer: nn.BatchNorm2d, x: Pixels, g: Pixels) -> None:
        self.factor = (layer.running_var + layer.eps).rsqrt().view(1, -1, 1, 1)

    def gradient_by_input(self, x: Pixels, g: Pixels) -> Pixels:
        return self.factor * g

    def forward(self, dx: Pixels, dw: None) -> tuple[Pixels, None]:
        return dx.mul_(self.factor), None

    def backward(self, kept: None, dg: Pixels, dw: None) -> tuple[Pixels, None]:
        return dg.mul_(self.factor), None


class ActiveBatchNorm(Rule):
    """y = (x - mean) / deviation with the batch's own statistics.

    Its Jacobian J u = (u - mean u - y mean(y u)) / deviation is symmetric, so that the
    gradient by the input is J g and mean(g J dx) = mean(dx J g); `backward` is d(J g).
    """

    def __init__(self, layer: nn.BatchNorm2d, x: Pixels, g: Pixels) -> None:
        variance, mean = torch.var_mean(x, OVER_CHANNEL, correction=0, keepdim=True)
        self.inverse = (variance + layer.eps).rsqrt()
        self.y = (x - mean) * self.inverse
        self.by_x, self.mean_y_g = self._jacobian(g)

    def gradient_by_input(self, x: Pixels, g: Pixels) -> Pixels:
        return self.by_x

    def forward(self, dx: Pixels, dw: None) -> tuple[Pixels, Pixels]:
        return self._jacobian(dx)[0], dx

    def backward(self, kept: Pixels, dg: Pixels, dw: None) -> tuple[Pixels, None]:
        dy, mean_y_dx = self._jacobian(kept)
        mean_g_dy = kept.mul_(self.by_x).mean(OVER_CHANNEL, keepdim=True)
        result, _ = self._jacobian(dg)
        result.addcmul_(self.by_x, -self.inverse * mean_y_dx)
        result.addcmul_(self.y, -self.inverse * mean_g_dy)
        return result.addcmul_(dy, -self.inverse * self.mean_y_g), None

    def _jacobian(self, u: Pixels) -> tuple[Pixels, PerChannel]:
        """J u, and the mean of y u over each channel.

        By the library's backward pass, in whose terms y has mean 0 and deviation 1.
        """
        factor = self.inverse.flatten()
        zero, one = torch.zeros_like(factor), torch.ones_like(factor)
        by_x, total, _ = torch.ops.aten.native_batch_norm_backward(
            u, self.y, factor, None, None, zero, one, True, 0.0, (True, True, False)
        )
        return by_x, (total / (u.numel() / len(total))).view(1, -1, 1, 1)

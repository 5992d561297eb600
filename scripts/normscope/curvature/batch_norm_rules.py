"""How batch norm takes tangents through, frozen and active."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from normscope.curvature.rules import Point, Rule, Tensors

Pixels, PerChannel = Float[Tensor, "N C *sizes"], Float[Tensor, " C"]
OverPixels = Float[Tensor, "1 C *ones"]


def batch_norm(
    at: Point,
    input: Pixels,
    running_mean: PerChannel | None = None,
    running_var: PerChannel | None = None,
    weight: PerChannel | None = None,
    bias: PerChannel | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Rule | None:
    """The rule of torch.nn.functional.batch_norm."""
    if "input" not in at.moving or at.moving - {"input", "weight", "bias"}:
        return None
    if training:
        return ActiveBatchNorm(at, input, weight, eps)
    if weight is None and bias is None:
        return FrozenBatchNorm(at, input, running_var, eps)
    return FrozenAffineBatchNorm(at, input, running_mean, running_var, weight, eps)


class FrozenBatchNorm(Rule):
    """A constant factor per channel."""

    writes = passes_on = True

    def __init__(self, at: Point, x: Pixels, variance: PerChannel, eps: float) -> None:
        self.factor = _over_pixels((variance + eps).rsqrt(), x)
        self.gradients = dict.fromkeys(at.wanted, self.factor * at.g)

    def forward(self, d: Tensors) -> tuple[Pixels, None]:
        return d["input"].mul_(self.factor), None

    def backward(self, kept: None, dg: Pixels) -> Tensors:
        return {"input": dg.mul_(self.factor)}


class FrozenAffineBatchNorm(Rule):
    """y = weight * z + bias, with z = (x - mean) / deviation by constants.

    By the library's passes, one for each of the two terms of a derivative.
    """

    def __init__(
        self,
        at: Point,
        x: Pixels,
        mean: PerChannel,
        variance: PerChannel,
        weight: PerChannel | None,
        eps: float,
    ) -> None:
        self.moving, self.eps, self.x, self.g = at.moving, eps, x, at.g
        self.mean, self.variance = mean, variance
        self.zero = torch.zeros_like(variance)
        self.weight = torch.ones_like(mean) if weight is None else weight.detach()
        self.factor = _over_pixels((variance + eps).rsqrt() * self.weight, x)
        found = self._backward(at.g, x, self.weight, mean)
        self.gradients = {name: found[name] for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Pixels, Tensors]:
        dy = F.batch_norm(
            self.x,
            self.mean,
            self.variance,
            d.get("weight", self.zero),
            d.get("bias", self.zero),
            eps=self.eps,
        )
        return dy.addcmul_(d["input"], self.factor), d

    def backward(self, kept: Tensors, dg: Pixels) -> Tensors:
        found = self._backward(dg, self.x, self.weight, self.mean)
        if "weight" in kept:
            # dz is as z of a dx with mean 0.
            more = self._backward(self.g, kept["input"], kept["weight"], self.zero)
            found["input"] += more["input"]
            found["weight"] += more["weight"]
        return {name: found[name] for name in self.moving}

    def _backward(
        self, g: Pixels, x: Pixels, weight: PerChannel, mean: PerChannel
    ) -> Tensors:
        found = torch.ops.aten.native_batch_norm_backward(
            g, x, weight, mean, self.variance, None, None, False, self.eps, (True,) * 3
        )
        return dict(zip(("input", "weight", "bias"), found, strict=True))


class ActiveBatchNorm(Rule):
    """y = weight * z + bias, with z = (x - mean) / deviation by the batch's statistics.

    The Jacobian J u = (u - mean u - z mean(z u)) / deviation of z is symmetric, so that
    z's part of the gradient by x is J g, and mean(g J dx) = mean(dx J g). The weight is
    constant where J takes means: it goes before or behind J alike.
    """

    writes = True  # over dx, in `backward`

    def __init__(
        self, at: Point, x: Pixels, weight: PerChannel | None, eps: float
    ) -> None:
        self.moving = at.moving
        self.over = (0, *range(2, x.dim()))
        variance, mean = torch.var_mean(x, self.over, correction=0, keepdim=True)
        self.inverse = (variance + eps).rsqrt()
        self.z = (x - mean) * self.inverse
        self.weight = None if weight is None else _over_pixels(weight.detach(), x)
        self.by_x, self.mean_z_g, sum_g = self._jacobian(at.g, self.inverse)
        found = {"input": self._weighted(self.by_x), "bias": sum_g}
        found["weight"] = self._sum(self.mean_z_g)
        self.gradients = {name: found[name] for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Pixels, Tensors]:
        dy, _, _ = self._jacobian(d["input"], self._weighted(self.inverse))
        if "weight" in d:
            dy.addcmul_(self.z, _over_pixels(d["weight"], dy))
        if "bias" in d:
            dy += _over_pixels(d["bias"], dy)
        return dy, d

    def backward(self, kept: Tensors, dg: Pixels) -> Tensors:
        dx = kept["input"]
        dz, mean_z_dx, _ = self._jacobian(dx, self.inverse)
        mean_g_dz = dx.mul_(self.by_x).mean(self.over, keepdim=True)
        factor = self._weighted(self.inverse)
        result, mean_z_dg, sum_dg = self._jacobian(dg, factor)
        by_x = -factor * mean_z_dx
        if "weight" in kept:
            by_x += _over_pixels(kept["weight"], dx)
        result.addcmul_(self.by_x, by_x)
        result.addcmul_(self.z, -factor * mean_g_dz)
        result.addcmul_(dz, -factor * self.mean_z_g)
        found = {"input": result, "bias": sum_dg}
        found["weight"] = self._sum(mean_z_dg + mean_g_dz)
        return {name: found[name] for name in self.moving}

    def _jacobian(
        self, u: Pixels, factor: OverPixels
    ) -> tuple[Pixels, OverPixels, PerChannel]:
        """factor x deviation x J u, and of each channel the mean of z u and the sum of
        u.

        By the library's backward pass, in whose terms z has mean 0 and deviation 1.
        """
        factor = factor.flatten()
        zero, one = torch.zeros_like(factor), torch.ones_like(factor)
        by_x, total, sum_u = torch.ops.aten.native_batch_norm_backward(
            u, self.z, factor, None, None, zero, one, True, 0.0, (True,) * 3
        )
        return by_x, _over_pixels(total / (u.numel() / len(total)), u), sum_u

    def _weighted(self, x: Tensor) -> Tensor:
        return x if self.weight is None else self.weight * x

    def _sum(self, mean: OverPixels) -> PerChannel:
        return (mean * (self.z.numel() / mean.numel())).flatten()


def _over_pixels(x: PerChannel, like: Pixels) -> OverPixels:
    """For each channel, over all examples and pixels."""
    return x.view(1, -1, *(1,) * (like.dim() - 2))

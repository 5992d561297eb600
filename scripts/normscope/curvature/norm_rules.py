"""How norms of single examples take tangents through."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature.batch_norm_rules import batch_norm
from normscope.curvature.rules import Point, Rule, Tensors

Entries, Rows = Float[Tensor, "..."], Float[Tensor, "M D"]
PerRow = Float[Tensor, "M 1"]
Weights = Float[Tensor, "..."]


def layer_norm(
    at: Point,
    input: Entries,
    normalized_shape: Sequence[int],
    weight: Weights | None = None,
    bias: Weights | None = None,
    eps: float = 1e-5,
) -> Rule | None:
    """The rule of torch.nn.functional.layer_norm."""
    size = torch.Size(normalized_shape)
    return _norm(at, input, size.numel(), weight, bias, size, eps)


def group_norm(
    at: Point,
    input: Entries,
    num_groups: int,
    weight: Weights | None = None,
    bias: Weights | None = None,
    eps: float = 1e-5,
) -> Rule | None:
    """The rule of torch.nn.functional.group_norm."""
    size = input[0].numel() // num_groups
    return _norm(at, input, size, weight, bias, _per_channel(input), eps)


def instance_norm(
    at: Point,
    input: Entries,
    running_mean: Weights | None = None,
    running_var: Weights | None = None,
    weight: Weights | None = None,
    bias: Weights | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Rule | None:
    """The rule of torch.nn.functional.instance_norm."""
    if not use_input_stats:
        return batch_norm(at, input, running_mean, running_var, weight, bias, eps=eps)
    size = input[0, 0].numel()
    return _norm(at, input, size, weight, bias, _per_channel(input), eps)


class Standardise(Rule):
    """y = (x - mean) / deviation, over parts of x of `size` entries.

    The Jacobian J u = (u - mean u - y mean(y u)) / deviation is symmetric, so that the
    gradient by x is J g and mean(g J dx) = mean(dx J g); `backward` is d(J g).
    """

    def __init__(self, at: Point, x: Entries, size: int, eps: float) -> None:
        self.shape, self.size = x.shape, size
        x = x.reshape(-1, size)
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        self.inverse = (variance + eps).rsqrt()
        self.y = (x - mean).mul_(self.inverse)
        self.by_x, self.mean_y_g = self._jacobian(at.g.reshape(-1, size))
        self.gradients = {name: self.by_x.view(self.shape) for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Entries, tuple[Rows, PerRow]]:
        dx = d["input"].reshape(-1, self.size)
        dy, mean_y_dx = self._jacobian(dx)
        return dy.view(self.shape), (dx, mean_y_dx)

    def backward(self, kept: tuple[Rows, PerRow], dg: Entries) -> Tensors:
        dx, mean_y_dx = kept
        dy, _ = self._jacobian(dx)
        mean_g_dy = _mean_product(dx, self.by_x)
        result, _ = self._jacobian(dg.reshape(-1, self.size))
        result.addcmul_(self.by_x, -self.inverse * mean_y_dx)
        result.addcmul_(self.y, -self.inverse * mean_g_dy)
        result.addcmul_(dy, -self.inverse * self.mean_y_g)
        return {"input": result.view(self.shape)}

    def _jacobian(self, u: Rows) -> tuple[Rows, PerRow]:
        """J u, and the mean of y u over each part."""
        mean_y_u = _mean_product(self.y, u)
        rest = (u - u.mean(1, keepdim=True)).addcmul_(self.y, mean_y_u, value=-1)
        return rest.mul_(self.inverse), mean_y_u


class AffineNorm(Rule):
    """y = weight * z + bias, with z standardised; weight and bias of size `shape`."""

    def __init__(
        self,
        at: Point,
        x: Entries,
        size: int,
        weight: Weights | None,
        bias: Weights | None,
        shape: Sequence[int],
        eps: float,
    ) -> None:
        self.moving, self.g = at.moving, at.g
        sizes = (bias if weight is None else weight).shape
        self.shape, self.sizes = shape, sizes
        self.weight = (
            at.g.new_ones(()) if weight is None else weight.detach().view(shape)
        )
        inner = Point(
            moving=frozenset({"input"}),
            wanted=at.wanted & {"input"},
            g=self.weight * at.g,
            reused=at.reused,
        )
        self.standardise = Standardise(inner, x, size, eps)
        self.z = self.standardise.y.view(x.shape)
        own = self._sums(at.g * self.z, at.g)
        self.gradients = self.standardise.gradients | {
            name: own[name] for name in at.wanted - {"input"}
        }

    def forward(self, d: Tensors) -> tuple[Entries, tuple]:
        dz, kept = self.standardise.forward({"input": d["input"]})
        dy = self.weight * dz
        if "weight" in d:
            dy.addcmul_(self.z, d["weight"].view(self.shape))
        if "bias" in d:
            dy += d["bias"].view(self.shape)
        return dy, (kept, dz, d.get("weight"))

    def backward(self, kept: tuple, dg: Entries) -> Tensors:
        inner, dz, dw = kept
        own = self._sums((dg * self.z).addcmul_(self.g, dz), dg)
        dg = self.weight * dg
        if dw is not None:
            dg.addcmul_(self.g, dw.view(self.shape))
        found = self.standardise.backward(inner, dg) | own
        return {name: found[name] for name in self.moving}

    def _sums(self, by_weight: Entries, by_bias: Entries) -> Tensors:
        """Over all but what the weight and the bias tell apart."""
        found = {"weight": by_weight, "bias": by_bias}
        return {
            name: found[name].sum_to_size(self.shape).reshape(self.sizes)
            for name in self.moving & {"weight", "bias"}
        }


def _norm(
    at: Point,
    x: Entries,
    size: int,
    weight: Weights | None,
    bias: Weights | None,
    shape: Sequence[int],
    eps: float,
) -> Rule | None:
    if "input" not in at.moving:
        return None
    if weight is None and bias is None:
        return Standardise(at, x, size, eps)
    return AffineNorm(at, x, size, weight, bias, shape, eps)


def _per_channel(x: Entries) -> tuple[int, ...]:
    """The shape of a channel's numbers, over its pixels."""
    return (x.shape[1], *(1,) * (x.dim() - 2))


def _mean_product(a: Rows, b: Rows) -> PerRow:
    return torch.linalg.vecdot(a, b).div_(a.shape[1])[:, None]

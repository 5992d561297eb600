"""How softmax and attention take tangents through."""

from math import sqrt

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from normscope.curvature.rules import Point, Rule, Tensors

Entries = Float[Tensor, "..."]
Queries, Keys = Float[Tensor, "*batch L E"], Float[Tensor, "*batch S E"]
Values, Outputs = Float[Tensor, "*batch S V"], Float[Tensor, "*batch L V"]
Mask = Float[Tensor, "*some L S"] | Bool[Tensor, "*some L S"]


def softmax(
    at: Point,
    input: Entries,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: torch.dtype | None = None,
) -> Rule | None:
    """The rule of torch.softmax and its likes."""
    if dim is None or dtype not in (None, input.dtype):
        return None
    return Softmax(at, input, dim)


def attention(
    at: Point,
    query: Queries,
    key: Keys,
    value: Values,
    attn_mask: Mask | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Rule | None:
    """The rule of torch.nn.functional.scaled_dot_product_attention."""
    stacks = {tensor.shape[:-2] for tensor in (query, key, value)}
    if at.moving != {"query", "key", "value"} or dropout_p or len(stacks) > 1:
        return None
    if is_causal:
        full = query.new_ones(query.shape[-2], key.shape[-2], dtype=torch.bool)
        attn_mask = full.tril()
    scale = 1 / sqrt(query.shape[-1]) if scale is None else scale
    return Attention(at, query, key, value, attn_mask, scale)


class Softmax(Rule):
    """y = softmax(x) over one dimension.

    Its Jacobian J u = y (u - sum(y u)) is symmetric; `backward` is d(J g).
    """

    def __init__(self, at: Point, x: Entries, dim: int) -> None:
        self.dim, self.y = dim, x.softmax(dim)
        self.rest = at.g - (self.y * at.g).sum(dim, keepdim=True)
        self.gradients = dict.fromkeys(at.wanted, self.y * self.rest)

    def forward(self, d: Tensors) -> tuple[Entries, Entries]:
        dy = self._jacobian(d["input"])
        return dy, dy * self.rest

    def backward(self, kept: Entries, dg: Entries) -> Tensors:
        result = self._jacobian(dg).add_(kept)
        return {
            "input": result.addcmul_(self.y, kept.sum(self.dim, keepdim=True), value=-1)
        }

    def _jacobian(self, u: Entries) -> Entries:
        return torch._softmax_backward_data(u, self.y, self.dim, u.dtype)


class Attention(Rule):
    """y = p v, p = softmax(scale q k' + mask), of stacks of matrices."""

    def __init__(
        self,
        at: Point,
        query: Queries,
        key: Keys,
        value: Values,
        mask: Mask | None,
        scale: float,
    ) -> None:
        self.stack, self.scale = query.shape[:-2], scale
        self.q, self.k, self.v, self.g = (
            self._flat(tensor) for tensor in (query * scale, key, value, at.g)
        )
        scores = self.q @ self.k.mT
        if mask is not None:
            if mask.dtype == torch.bool:
                mask = torch.zeros_like(mask, dtype=scores.dtype).masked_fill_(
                    ~mask, -torch.inf
                )
            scores = scores.unflatten(0, self.stack).add(mask).view_as(scores)
        # The scores' softmax, at the gradient by its output.
        self.softmax = Softmax(
            Point(at.moving, frozenset({"input"}), self.g @ self.v.mT, at.reused),
            scores,
            -1,
        )
        self.by_scores = self.softmax.gradients.pop("input")
        found = {
            "query": self.by_scores @ self.k * scale,
            "key": self.by_scores.mT @ self.q,
            "value": self.softmax.y.mT @ self.g,
        }
        self.gradients = {name: self._stacked(found[name]) for name in at.wanted}

    def forward(self, d: Tensors) -> tuple[Outputs, tuple]:
        dq, dk, dv = (self._flat(d[name]) for name in ("query", "key", "value"))
        dq = dq * self.scale
        ds = torch.baddbmm(dq @ self.k.mT, self.q, dk.mT)
        dp, kept = self.softmax.forward({"input": ds})
        dy = torch.baddbmm(dp @ self.v, self.softmax.y, dv)
        return self._stacked(dy), (kept, dp, dq, dk, dv)

    def backward(self, kept: tuple, dg: Outputs) -> Tensors:
        inner, dp, dq, dk, dv = kept
        dg = self._flat(dg)
        by_p = torch.baddbmm(dg @ self.v.mT, self.g, dv.mT)
        by_s = self.softmax.backward(inner, by_p)["input"]
        found = {
            "query": torch.baddbmm(by_s @ self.k, self.by_scores, dk).mul_(self.scale),
            "key": torch.baddbmm(by_s.mT @ self.q, self.by_scores.mT, dq),
            "value": torch.baddbmm(self.softmax.y.mT @ dg, dp.mT, self.g),
        }
        return {name: self._stacked(by_x) for name, by_x in found.items()}

    def _flat(self, x: Float[Tensor, "*batch M D"]) -> Float[Tensor, "B M D"]:
        return x.reshape(-1, *x.shape[-2:])

    def _stacked(self, x: Float[Tensor, "B M D"]) -> Float[Tensor, "*batch M D"]:
        return x.view(*self.stack, *x.shape[-2:])

"""The article's smooth stand-in for ReLU, which has second derivatives to look at."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

Entries = Float[Tensor, "*sizes"]


class _Softplus(torch.autograd.Function):
    """log(1 + exp(10 x)) / 10, and x itself from 10 x = 2.5 on (article, Networks).

    The same values, to the rounding of 1, and derivatives as those of
    torch.nn.functional.softplus, whose log1p has no vector code on many CPUs: 3 times
    slower.
    """

    beta, threshold = 10.0, 2.5
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        rest = (
            (x.abs() * -_Softplus.beta).exp_().add_(1).log_().mul_(1 / _Softplus.beta)
        )
        return rest.mul_(x * _Softplus.beta <= _Softplus.threshold).add_(x.relu())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.softplus_backward(
            gradient, x, _Softplus.beta, _Softplus.threshold
        )

    jvp = backward  # entry by entry, so that the Jacobian is its own transpose


class Softplus(nn.Module):
    """The article's smooth stand-in for ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return _Softplus.apply(x)

    def derivatives(self, x: Entries) -> tuple[Entries, Entries]:
        """First and second derivative at each entry of x."""
        slope = torch.ops.aten.softplus_backward(
            torch.ones_like(x), x, _Softplus.beta, _Softplus.threshold
        )
        return slope, (1 - slope).mul_(slope).mul_(_Softplus.beta)


build = Softplus

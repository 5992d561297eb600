"""A network's outputs to first order: rules without their second derivatives.

What is left of the derivative of the gradient along v is J' H_b J v, with J the
Jacobian of the outputs by the parameters and H_b the loss's Hessian by the outputs.
"""

from copy import copy
from dataclasses import replace
from functools import singledispatch
from typing import Any

import torch

from normscope.curvature import winograd_tiles as winograd
from normscope.curvature.activation_rules import Activation
from normscope.curvature.attention_rules import Attention, Softmax
from normscope.curvature.autograd_rule import ByAutograd
from normscope.curvature.batch_norm_rules import (
    ActiveBatchNorm,
    FrozenAffineBatchNorm,
    FrozenBatchNorm,
)
from normscope.curvature.convolution_rules import Convolution, WinogradConvolution
from normscope.curvature.linear_rules import LinearMap, Part, Reshaped, Sum
from normscope.curvature.linearised_gradient import LinearisedGradient
from normscope.curvature.norm_rules import AffineNorm, Standardise
from normscope.curvature.pool_rules import MaxPool, PooledActivation
from normscope.curvature.product_rules import Linear, Product
from normscope.curvature.rules import Gradient, Rule


def first_order(linearised: LinearisedGradient) -> LinearisedGradient:
    """The map v -> J' H_b J v on the same batch, with the same kept tensors."""
    found = copy(linearised)
    found.steps = [
        replace(step, rule=FirstOrder(step.rule)) for step in linearised.steps
    ]
    return found


class FirstOrder(Rule):
    """A rule's Jacobian and its transpose."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self.writes, self.passes_on = rule, rule.writes, rule.passes_on

    def forward(self, d: dict[str, Any]) -> tuple[Any, Any]:
        dy, kept = self.rule.forward(d)
        # A linear map finds the sizes of its arguments there.
        return dy, kept if isinstance(self.rule, LinearMap) else None

    def backward(self, kept: Any, dg: Gradient) -> dict[str, Gradient]:
        if isinstance(self.rule, LinearMap):
            return self.rule.backward(kept, dg)
        return transposed(self.rule, dg)


@singledispatch
def transposed(rule: Rule, g: Gradient) -> dict[str, Gradient]:
    """J' g, by the names of all arguments that move, with J the rule's Jacobian.

    As `Rule.backward` it may write over g. Raises TypeError for a rule that is not
    listed here.
    """
    raise TypeError(f"first_order.py has no transpose of {type(rule).__name__}")


@transposed.register(FrozenBatchNorm)
@transposed.register(MaxPool)
@transposed.register(Part)
@transposed.register(Reshaped)
@transposed.register(Sum)
def _of_linear(rule, g):
    return rule.backward(None, g)


@transposed.register
def _of_activation(rule: Activation, g):
    return {rule.name: g.mul_(rule.slope)}


@transposed.register
def _of_pooled_activation(rule: PooledActivation, g):
    found = transposed(rule.activation, g)
    return {name: rule.pool.to_places(by_x) for name, by_x in found.items()}


@transposed.register
def _of_convolution(rule: Convolution, g):
    wanted = ("input" in rule.moving, "weight" in rule.moving)
    by_x, by_w = rule.geometry.backward(g, rule.x, rule.weight, wanted)
    return _convolutions(rule.moving, by_x, by_w, g)


@transposed.register
def _of_winograd_convolution(rule: WinogradConvolution, g):
    terms = winograd.of_outputs_adjoint(g)
    by_x = winograd.of_inputs_adjoint(
        terms @ winograd.of_weights(rule.weight), *rule.size
    )
    by_w = winograd.of_weights_adjoint(terms.mT @ rule.x)
    return _convolutions(rule.moving, by_x, by_w, g)


def _convolutions(moving, by_x, by_w, g):
    found = {"input": by_x, "weight": by_w}
    if "bias" in moving:
        found["bias"] = g.sum([0, *range(2, g.dim())])
    return {name: found[name] for name in moving}


@transposed.register
def _of_linear_layer(rule: Linear, g):
    g, found = g.flatten(0, -2), {}
    if "input" in rule.moving:
        found["input"] = (g @ rule.weight).view(rule.shape)
    if "weight" in rule.moving:
        found["weight"] = g.T @ rule.x
    if "bias" in rule.moving:
        found["bias"] = g.sum(0)
    return found


@transposed.register
def _of_product(rule: Product, g):
    return {"input": rule.by_first(g, rule.b), "other": rule.by_second(g, rule.a)}


@transposed.register
def _of_active_batch_norm(rule: ActiveBatchNorm, g):
    by_x, mean_z_g, sum_g = rule._jacobian(g, rule._weighted(rule.inverse))
    found = {"input": by_x, "weight": rule._sum(mean_z_g), "bias": sum_g}
    return {name: found[name] for name in rule.moving}


@transposed.register
def _of_frozen_affine_batch_norm(rule: FrozenAffineBatchNorm, g):
    found = rule._backward(g, rule.x, rule.weight, rule.mean)
    return {name: found[name] for name in rule.moving}


@transposed.register
def _of_standardise(rule: Standardise, g):
    by_x, _ = rule._jacobian(g.reshape(-1, rule.size))
    return {"input": by_x.view(rule.shape)}


@transposed.register
def _of_affine_norm(rule: AffineNorm, g):
    own = rule._sums(g * rule.z, g)
    return transposed(rule.standardise, rule.weight * g) | own


@transposed.register
def _of_softmax(rule: Softmax, g):
    return {"input": rule._jacobian(g)}


@transposed.register
def _of_attention(rule: Attention, g):
    g = rule._flat(g)
    by_scores = rule.softmax._jacobian(g @ rule.v.mT)
    found = {
        "query": (by_scores @ rule.k).mul_(rule.scale),
        "key": by_scores.mT @ rule.q,
        "value": rule.softmax.y.mT @ g,
    }
    return {name: rule._stacked(by_x) for name, by_x in found.items()}


@transposed.register
def _of_autograd(rule: ByAutograd, g):
    # The second derivatives of its gradients are what `backward` adds.
    return rule.backward([torch.zeros(())] * len(rule.x), g)

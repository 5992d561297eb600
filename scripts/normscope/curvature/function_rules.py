"""Which rule takes tangents through which call of a network's graph."""

import inspect
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from normscope.curvature.activation_rules import Activation, Derivatives, by_autograd
from normscope.curvature.attention_rules import attention, softmax
from normscope.curvature.autograd_rule import ByAutograd, Call
from normscope.curvature.batch_norm_rules import batch_norm
from normscope.curvature.convolution_rules import convolution
from normscope.curvature.families import ENTRYWISE, LINEAR, MULTILINEAR, RESHAPES
from normscope.curvature.linear_rules import (
    Reshaped,
    addition,
    dropout,
    linear_map,
    part,
    subtraction,
)
from normscope.curvature.norm_rules import group_norm, instance_norm, layer_norm
from normscope.curvature.pool_rules import (
    MaxPool,
    PooledActivation,
    adaptive_max_pools,
    max_pools,
)
from normscope.curvature.product_rules import linear, matrix_product, multiplication
from normscope.curvature.rules import Gradient, Point, Rule
from normscope.curvature.tracing import function_of, name_of

# What makes the rules of torch's functions, with the functions' own signatures.
RULES: dict[str, Callable[..., Rule | None]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d"), dropout),
    **dict.fromkeys(("matmul", "bmm"), matrix_product),
    "linear": linear,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "mul": multiplication,
    "softmax": softmax,
    "scaled_dot_product_attention": attention,
    "add": addition,
    "sub": subtraction,
    "getitem": part,
}
POOLS = {"max_pool2d": max_pools, "adaptive_max_pool2d": adaptive_max_pools}


@dataclass(frozen=True)
class Step:
    """A call's rule, and the nodes that its moving arguments come from."""

    node: fx.Node
    rule: Rule
    inputs: Mapping[str, fx.Node]


@dataclass(frozen=True)
class Place:
    """A graph at a fixed point: the values of its nodes, those that move, and those
    that are parameters.
    """

    values: Mapping[fx.Node, Any]
    moving: Container[fx.Node]
    parameters: Container[fx.Node]
    reused: bool

    def moving_among(self, arguments: Mapping[str, Any]) -> dict[str, fx.Node]:
        """The arguments that are nodes that move."""
        return {
            name: value
            for name, value in arguments.items()
            if isinstance(value, fx.Node) and value in self.moving
        }

    def point(self, inputs: Mapping[str, fx.Node], g: Gradient) -> Point:
        """Where a function of these nodes is linearised."""
        wanted = {n for n, node in inputs.items() if node not in self.parameters}
        return Point(frozenset(inputs), frozenset(wanted), g, self.reused)


def step_of(node: fx.Node, place: Place, g: Gradient) -> Step:
    """The call's rule at that place, with g the gradient of the loss by its output."""
    for make in (_pool, _entrywise, _named):
        if (step := make(node, place, g)) is not None:
            return step
    return _general(node, place, g)


def _pool(node: fx.Node, place: Place, g: Gradient) -> Step | None:
    """Of a max pool, together with the activation that it alone looks at."""
    if (name := name_of(node)) not in POOLS:
        return None
    args, kwargs = map_arg((node.args, node.kwargs), place.values.__getitem__)
    if (pools := POOLS[name](*args, **kwargs)) is None:
        return None
    (source,) = node.all_input_nodes
    alone = len(source.users) == 1
    if alone and (found := _derivatives(source, place)) is not None:
        inputs, derivatives = found
        ((name, before),) = inputs.items()
        at, x = place.point(inputs, g), place.values[before]
        activated = place.values[source]
        rule = PooledActivation(at, name, x, activated, derivatives, pools)
        return Step(node, rule, inputs)
    inputs = {"input": source}
    rule = MaxPool(place.point(inputs, g), place.values[source], pools)
    return Step(node, rule, inputs)


def _entrywise(node: fx.Node, place: Place, g: Gradient) -> Step | None:
    if (found := _derivatives(node, place)) is None:
        return None
    inputs, derivatives = found
    ((name, source),) = inputs.items()
    rule = Activation(place.point(inputs, g), name, place.values[source], derivatives)
    return Step(node, rule, inputs)


def _derivatives(
    node: fx.Node, place: Place
) -> tuple[dict[str, fx.Node], Derivatives] | None:
    """What a function takes entry by entry, and its derivatives by that."""
    own = getattr(getattr(node.target, "module", None), "derivatives", None)
    if own is None and name_of(node) not in ENTRYWISE:
        return None
    call, inputs = _call(node, place)
    if len(node.all_input_nodes) != 1 or len(inputs) != 1:
        return None
    return inputs, own or partial(by_autograd, call, *inputs)


def _named(node: fx.Node, place: Place, g: Gradient) -> Step | None:
    if (make := RULES.get(name_of(node))) is None:
        return None
    bound = inspect.signature(make).bind(None, *node.args, **node.kwargs).arguments
    inputs = place.moving_among(bound)
    args, kwargs = map_arg((node.args, node.kwargs), place.values.__getitem__)
    rule = make(place.point(inputs, g), *args, **kwargs)
    return None if rule is None else Step(node, rule, inputs)


def _general(node: fx.Node, place: Place, g: Gradient) -> Step:
    """Of a whole family of functions, or by autograd."""
    call, inputs = _call(node, place)
    tensors = {name: place.values[source] for name, source in inputs.items()}
    at = place.point(inputs, g)
    name, rule = name_of(node), None
    if name in RESHAPES:
        rule = Reshaped(at, call, tensors)
    elif name in LINEAR or (name in MULTILINEAR and len(inputs) == 1):
        rule = linear_map(at, call, tensors)
    return Step(node, rule or ByAutograd(at, call, tensors), inputs)


def _call(node: fx.Node, place: Place) -> tuple[Call, dict[str, fx.Node]]:
    """The call as a function of the arguments that move, and these, by their places."""
    leaves, structure = tree_flatten((node.args, node.kwargs))
    inputs = place.moving_among({str(n): leaf for n, leaf in enumerate(leaves)})
    value = partial(_value, place.values, name_of(node) in LINEAR)
    constants = [
        None if str(n) in inputs else map_arg(leaf, value)
        for n, leaf in enumerate(leaves)
    ]
    call = partial(_called, function_of(node), structure, constants)
    return call, inputs


def _value(values: Mapping[fx.Node, Any], joint: bool, node: fx.Node) -> Any:
    """The node's value; 0 for a constant term, which has no tangent."""
    found = values[node]
    if joint and isinstance(found, Tensor) and found.is_floating_point():
        return torch.zeros_like(found)
    return found


def _called(
    function: Callable, structure: TreeSpec, constants: list, tensors: dict[str, Tensor]
) -> Any:
    """What the function gives with the tensors in their places among its arguments."""
    filled = [tensors.get(str(n), constant) for n, constant in enumerate(constants)]
    args, kwargs = tree_unflatten(filled, structure)
    return function(*args, **kwargs)

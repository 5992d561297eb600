"""The derivative of a network's gradient along a direction, a function at a time.

Forward over reverse (Pearlmutter 1994) over the graph of a network's functions at a
fixed point: all that depends on the point alone is computed once.
"""

import operator
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

from normscope.curvature.families import CONSTANT
from normscope.curvature.function_rules import Place, Step, step_of
from normscope.curvature.rules import Gradient
from normscope.curvature.tracing import Traced, name_of, traced


class LinearisedGradient:
    """The map v -> d/dt of the gradient at parameters + t v, on one batch.

    The network may be given as it was traced. What depends on no parameter is constant
    and drops out. Set `reused` where many products are to be computed.
    """

    def __init__(
        self,
        network: nn.Module | Traced,
        loss: Callable[[Tensor], Tensor],
        images: Float[Tensor, "N C H W"],
        reused: bool,
    ) -> None:
        graph = network if isinstance(network, Traced) else traced(network, images)
        values = graph.values(images)
        self.output, self.parameters = graph.output, graph.parameters
        self.logits = values[self.output].requires_grad_()
        (self.by_logits,) = torch.autograd.grad(
            loss(self.logits), self.logits, create_graph=True
        )
        moving = _moving(graph, values)
        place = Place(values, moving, self.parameters, reused)
        gradients: dict[fx.Node, Gradient] = {self.output: self.by_logits.detach()}
        self.steps: list[Step] = []
        for node in reversed(graph.nodes):
            # None where the output does not change with what it gives.
            g = gradients.pop(node, None)
            if g is not None:
                step = step_of(node, place, g)
                for name, by_input in vars(step.rule).pop("gradients").items():
                    # Rules hold these: so never over one.
                    _add(gradients, step.inputs[name], by_input, operator.add)
                self.steps.insert(0, step)
            values.pop(node)
        self.copied = _copied(self.steps, self.parameters)

    def __call__(self, direction: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The derivative of each parameter's gradient, by its name."""
        d: dict[fx.Node, Any] = {
            node: direction[name] for node, name in self.parameters.items()
        }
        left = Counter(node for step in self.steps for node in step.inputs.values())
        kept = []
        for step, copied in zip(self.steps, self.copied, strict=True):
            tangents = {}
            for name, node in step.inputs.items():
                tangents[name] = d[node].clone() if name in copied else d[node]
                left[node] -= 1
                if not left[node]:
                    del d[node]
            d[step.node], of_step = step.rule.forward(tangents)
            kept.append(of_step)
        # The loss has a symmetric Hessian by the logits, which keeps its graph.
        (dg,) = torch.autograd.grad(
            self.by_logits, self.logits, d.pop(self.output), retain_graph=True
        )
        gradients: dict[fx.Node, Gradient] = {self.output: dg}
        for step in reversed(self.steps):
            found = step.rule.backward(kept.pop(), gradients.pop(step.node))
            for name, node in step.inputs.items():
                _add(gradients, node, found.pop(name))
        totals: dict[str, Tensor] = {}
        for node, name in self.parameters.items():
            if node in gradients:
                _add(totals, name, gradients.pop(node))
        return {
            name: totals[name] if name in totals else torch.zeros_like(along)
            for name, along in direction.items()
        }

    @property
    def nbytes(self) -> int:
        """Memory that the kept tensors take."""
        storages: dict[int, int] = {}
        for step in self.steps:
            storages |= step.rule.storages()
        return sum(storages.values())


def _moving(graph: Traced, values: Mapping[fx.Node, Any]) -> set[fx.Node]:
    """The nodes that depend on a trainable parameter and have derivatives."""
    moving = set(graph.parameters)
    for node in graph.nodes:
        value = values[node]
        parts = value if isinstance(value, tuple | list) else (value,)
        has_derivative = any(
            isinstance(part, Tensor) and part.is_floating_point() for part in parts
        )
        if name_of(node) in CONSTANT:
            continue
        if has_derivative and not moving.isdisjoint(node.all_input_nodes):
            moving.add(node)
    return moving


def _copied(
    steps: list[Step], parameters: Mapping[fx.Node, str]
) -> list[frozenset[str]]:
    """The arguments of each step that its rule gets as copies to write over, as other
    steps look at them too.
    """
    uses = Counter(node for step in steps for node in step.inputs.values())
    shared = set(parameters) | {node for node, count in uses.items() if count > 1}
    copied = []
    for step in steps:
        theirs = {name for name, node in step.inputs.items() if node in shared}
        copied.append(frozenset(theirs if step.rule.writes else ()))
        if step.rule.passes_on and theirs and not step.rule.writes:
            shared.add(step.node)
    return copied


def _add(
    gradients: dict, key: Any, more: Gradient, add: Callable = operator.iadd
) -> None:
    """Add to what the dictionary has for the key, by default over it."""
    if isinstance(more, dict):
        parts = gradients.setdefault(key, {})
        for number, part in more.items():
            _add(parts, number, part, add)
    else:
        gradients[key] = add(gradients[key], more) if key in gradients else more

"""The derivative of a network's gradient along a direction, a layer at a time.

Forward over reverse (Pearlmutter 1994) for a chain of layers at a fixed point: all
that depends on the point alone is computed once.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from normscope import shapes
from normscope.layer_tangents import CONVOLUTIONS, Convolution, Rule, linearised
from normscope.networks import ACTIVATIONS


class LinearisedGradient:
    """The map v -> d/dt of the gradient at parameters + t v, on one batch.

    The batch's images are constant, so layers before the first convolution drop out.
    `reused` is said where many products are to come.
    """

    def __init__(
        self,
        network: nn.Sequential,
        loss: Callable[[Tensor], Tensor],
        images: Tensor,
        reused: bool,
    ) -> None:
        shapes.check(images=(images, "N C H W"))
        layers = _pooled(network)
        first = next(name for name, layer in layers.items() if _has_weights(layer))
        inputs, y = {}, images
        with torch.no_grad():
            for name, layer in layers.items():
                inputs[name], y = y, layer(y)
        self.logits = y.requires_grad_()
        (self.by_logits,) = torch.autograd.grad(
            loss(self.logits), self.logits, create_graph=True
        )
        self.rules: list[tuple[str, Rule]] = []
        g = self.by_logits.detach()
        for name, layer in reversed(layers.items()):
            x = inputs.pop(name)
            if name == first:  # no dx comes in, so that g is not asked for
                rules = [Convolution(layer, x, None)]
            else:
                rules, g = linearised(layer, x, g, reused)
            self.rules[:0] = [(name, rule) for rule in rules]
            if name == first:
                break

    def __call__(self, direction: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The derivative of each parameter's gradient, by its name."""
        inputs: list[Tensor | None] = []
        dx = None
        for name, rule in self.rules:
            inputs.append(dx if rule.needs_dx else None)
            dx = rule.forward(dx, *_weights_of(name, rule, direction))
        # The loss has a symmetric Hessian by the logits, which keeps its graph.
        (dg,) = torch.autograd.grad(self.by_logits, self.logits, dx, retain_graph=True)
        result = {}
        for name, rule in reversed(self.rules):
            weights = _weights_of(name, rule, direction)
            dg = rule.backward(inputs.pop(), dg, *weights)
            if weights:
                dg, result[f"{name}.weight"] = dg
        return {name: result[name] for name in direction}

    @property
    def nbytes(self) -> int:
        """Memory that the kept tensors take."""
        kept = {
            value.untyped_storage().data_ptr(): value.untyped_storage().nbytes()
            for _, rule in self.rules
            for value in vars(rule).values()
            if isinstance(value, Tensor)
        }
        return sum(kept.values())


def _pooled(network: nn.Sequential) -> dict[str, nn.Module]:
    """The layers by name, an activation and the max pool behind it as one."""
    layers: dict[str, nn.Module] = {}
    for name, layer in network.named_children():
        last = next(reversed(layers), name)
        behind = isinstance(layers.get(last), tuple(ACTIVATIONS.values()))
        if behind and isinstance(layer, nn.MaxPool2d):
            layers[last] = nn.Sequential(layers[last], layer)
        else:
            layers[name] = layer
    return layers


def _has_weights(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters())


def _weights_of(name: str, rule: Rule, direction: Mapping[str, Tensor]) -> tuple:
    return (direction[f"{name}.weight"],) if isinstance(rule, CONVOLUTIONS) else ()

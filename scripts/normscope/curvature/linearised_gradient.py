"""The derivative of a network's gradient along a direction, a layer at a time.

Forward over reverse (Pearlmutter 1994) for a chain of layers at a fixed point: all
that depends on the point alone is computed once.
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.curvature.activation_rules import ActivationThenPool
from normscope.curvature.convolution_rules import Convolution
from normscope.curvature.layer_rules import rule_of
from normscope.curvature.rules import Rule, tensors_of


class LinearisedGradient:
    """The map v -> d/dt of the gradient at parameters + t v, on one batch.

    The batch's images are constant, so layers before the first convolution drop out.
    Set `reused` where many products are to be computed.
    """

    def __init__(
        self,
        network: nn.Sequential,
        loss: Callable[[Tensor], Tensor],
        images: Float[Tensor, "N C H W"],
        reused: bool,
    ) -> None:
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
        rules: dict[str, Rule] = {}
        g = self.by_logits.detach()
        for name in reversed(layers):
            x = inputs.pop(name)
            if name == first:  # no dx comes in, so that g is not asked for
                rules[name] = Convolution(layers[name], x, None)
                break
            rules[name] = rule_of(layers[name], x, g, reused)
            g = rules[name].gradient_by_input(x, g)
        self.rules = dict(reversed(rules.items()))

    def __call__(self, direction: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The derivative of each parameter's gradient, by its name."""
        kept, dx = {}, None
        for name, rule in self.rules.items():
            dx, kept[name] = rule.forward(dx, direction.get(f"{name}.weight"))
        # The loss has a symmetric Hessian by the logits, which keeps its graph.
        (dg,) = torch.autograd.grad(self.by_logits, self.logits, dx, retain_graph=True)
        derivatives = {}
        for name, rule in reversed(self.rules.items()):
            weight = f"{name}.weight"
            dg, derivatives[weight] = rule.backward(
                kept.pop(name), dg, direction.get(weight)
            )
        return {name: derivatives[name] for name in direction}

    @property
    def nbytes(self) -> int:
        """Memory that the kept tensors take."""
        storages = {
            tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
            for rule in self.rules.values()
            for tensor in tensors_of(rule)
        }
        return sum(storages.values())


def _pooled(network: nn.Sequential) -> dict[str, nn.Module]:
    """The layers by name, an activation and the max pool behind it as one."""
    layers: dict[str, nn.Module] = {}
    for name, layer in network.named_children():
        last = next(reversed(layers), name)
        behind = hasattr(layers.get(last), "derivatives")
        if behind and isinstance(layer, nn.MaxPool2d):
            layers[last] = ActivationThenPool(layers[last], layer)
        else:
            layers[name] = layer
    return layers


def _has_weights(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters())

"""What the layers of any network put out, as they run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.func import functional_call

from normscope import store
from normscope.images.datasets import Batch
from normscope.networks.layers import (
    LOGITS,
    has_matrix,
    is_norm,
    leaves,
    looking,
    outputs_of,
)
from normscope.networks.losses import Loss
from normscope.outputs import channels
from normscope.outputs.channels import Outputs

EMPTY: Mapping[str, Tensor] = MappingProxyType({})
FEATURES_LAST = (nn.Linear, nn.LayerNorm, nn.MultiheadAttention)
MOST_SHOWN = 16  # layers of a network in a figure


def pass_through(
    network: nn.Module,
    inputs: Tensor,
    look: Callable[[str, Outputs], None],
    parameters: Mapping[str, Tensor] = EMPTY,
) -> Tensor:
    """The network's outputs, with these parameters for its own; `look` sees the name
    and the outputs of each layer as it runs.

    Channels are the second size of what it sees. Where a layer's outputs are a row of
    features for each token, (N, tokens, C), or end in features, they are moved there.
    """
    with looking(network, partial(_see, look)):
        return functional_call(network, dict(parameters), (inputs,))


@torch.no_grad()
def names_of_layers(network: nn.Module, inputs: Tensor) -> list[str]:
    """The layers in the order in which they run, the network's outputs among them."""
    names: list[str] = []
    pass_through(network, inputs, lambda name, _: names.append(name))
    outputs = outputs_of(network)
    return names if outputs in names else [*names, outputs]


def shown_layers(network: nn.Module, names: Sequence[str]) -> list[str]:
    """Of these the inner layers that figures show: the norms, or if there are none all
    that multiply by weights but the last. At most MOST_SHOWN, evenly spaced.
    """
    layers = dict(leaves(network))
    ran = {name: layers.get(name.partition(":")[0], network) for name in names}
    inner = {name: layer for name, layer in ran.items() if layer is not network}
    norms = [name for name, layer in inner.items() if is_norm(layer)]
    others = [name for name, layer in inner.items() if has_matrix(layer)][:-1]
    found = norms or others
    places = torch.linspace(0, len(found) - 1, min(len(found), MOST_SHOWN))
    return [found[place] for place in places.round().long().tolist()]


@torch.no_grad()
def measure_layers(
    network: nn.Module,
    loss: Loss,
    batch: Batch,
    parameters: Mapping[str, Tensor],
    length: float,
    layers: Collection[str],
    drawn: bool = False,
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Channel statistics of these layers, with densities where they are drawn, the
    outputs' `values` and the predicted share of each class; and loss, accuracy and the
    step's length.

    With these parameters in place of the network's own.
    """
    images, labels = batch
    statistics: dict[str, Tensor] = {}
    look = partial(_measure, statistics, layers, drawn)
    outputs = pass_through(network, images, look, parameters)
    if outputs_of(network) == LOGITS:
        look(LOGITS, outputs)
    predicted = outputs.argmax(dim=1)
    counts = predicted.bincount(minlength=outputs.shape[1])
    statistics["predicted_share"] = counts / len(predicted)
    statistics["values"] = outputs
    return statistics, {
        "loss": loss(outputs, labels).item(),
        "accuracy": (predicted == labels).float().mean().item(),
        "length": length,
    }


def _see(
    look: Callable[[str, Outputs], None], name: str, layer: nn.Module, outputs: Tensor
) -> None:
    """Show the layer's outputs with channels as their second size."""
    if outputs.ndim > 1 and outputs.is_floating_point():
        is_last = outputs.ndim == 3 or isinstance(layer, FEATURES_LAST)
        look(name, outputs.movedim(-1, 1) if is_last else outputs)


def _measure(
    statistics: dict[str, Tensor],
    layers: Collection[str],
    drawn: bool,
    layer: str,
    outputs: Outputs,
) -> None:
    """Add the statistics of the layer's channels, if it is one of these layers."""
    if layer in layers:
        values = channels.channel_statistics(outputs)
        if drawn:
            values |= channels.channel_densities(outputs)
        statistics.update(store.nested(values, layer))

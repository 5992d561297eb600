"""How far the channels behind a network's norms are from mean 0."""

import torch
from torch import Tensor, nn

from normscope.networks.layers import is_norm, leaves
from normscope.outputs.activations import pass_through
from normscope.outputs.channels import Outputs, by_channel


@torch.no_grad()
def inner_mean(network: nn.Module, images: Tensor) -> float:
    """Magnitude of a channel's mean behind a norm over the channel's deviation: both
    root mean squares over the channels of a layer, and the mean over layers.
    """
    norms = {name for name, layer in leaves(network) if is_norm(layer)}
    ratios: list[Tensor] = []

    def look(name: str, outputs: Outputs) -> None:
        if name in norms:
            variance, mean = torch.var_mean(by_channel(outputs), dim=1)
            ratios.append((mean.square().sum() / variance.sum()).sqrt())

    pass_through(network, images, look)
    return torch.stack(ratios).mean().item()

"""Fully connected chains, in which the article first looks at initialisation."""

from collections import OrderedDict
from math import pi, sqrt

import torch
from torch import Tensor, nn


class ScaledReLU(nn.Module):
    """ReLU shifted and scaled to mean 0 and variance 1 for inputs N(0, 2)."""

    def forward(self, x: Tensor) -> Tensor:
        return (x.relu() - sqrt(1 / pi)) / sqrt(1 - 1 / pi)


ACTIVATIONS = {"relu": nn.ReLU, "scaled_relu": ScaledReLU, "linear": None}


def build(
    depth: int, width: int, activation: str, rng: torch.Generator
) -> nn.Sequential:
    """Layers fc1, relu1, fc2, ... of equal width; a linear chain has only the fc's.

    Weights are uniform, of variance 2 / width (He et al. 2015), or 1 / width in a
    linear chain, so that the variance is the same after every fc.
    """
    layers = OrderedDict()
    for number in range(1, depth + 1):
        layers[f"fc{number}"] = nn.utils.skip_init(nn.Linear, width, width, bias=False)
        if ACTIVATIONS[activation]:
            layers[f"relu{number}"] = ACTIVATIONS[activation]()
    chain = nn.Sequential(layers)
    nonlinearity = "linear" if activation == "linear" else "relu"
    for weight in chain.parameters():
        nn.init.kaiming_uniform_(weight, nonlinearity=nonlinearity, generator=rng)
    return chain


@torch.no_grad()
def singular_values(chain: nn.Sequential, layers: list[int]) -> dict[str, Tensor]:
    """Singular values of the product of a linear chain's first weights, descending.

    By the name of the last layer, one of those numbered. In float64: the smallest
    are far below the rounding of the largest in float32.
    """
    values, product = {}, None
    for number, (name, layer) in enumerate(chain.named_children(), 1):
        weight = layer.weight.double()
        product = weight if product is None else weight @ product
        if number in layers:
            values[name] = torch.linalg.svdvals(product)
    return values

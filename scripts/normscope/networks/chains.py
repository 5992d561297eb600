"""Fully connected chains, in which the article first looks at initialisation."""

from collections import OrderedDict
from collections.abc import Iterator
from math import pi, sqrt

import torch
from jaxtyping import Float
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
    for weight in chain.parameters():
        _draw(weight, activation, rng)
    return chain


@torch.no_grad()
def layers_in_turn(
    depth: int,
    activation: str,
    inputs: Float[Tensor, "N width"],
    rng: torch.Generator,
) -> Iterator[tuple[str, Float[Tensor, "N width"]]]:
    """Name and output of each fc of the chain that `build` would draw.

    One layer's weights at a time, so that a chain of any depth fits into memory.
    """
    width = inputs.shape[1]
    act = ACTIVATIONS[activation]() if ACTIVATIONS[activation] else nn.Identity()
    weight = torch.empty(width, width)
    # A row per channel: statistics of channels are then over neighbours in memory.
    values = inputs.T.contiguous()
    for number in range(1, depth + 1):
        _draw(weight, activation, rng)
        outputs = weight @ values
        yield f"fc{number}", outputs.T
        values = act(outputs)


def _draw(weight: Tensor, activation: str, rng: torch.Generator) -> None:
    nonlinearity = "linear" if activation == "linear" else "relu"
    nn.init.kaiming_uniform_(weight, nonlinearity=nonlinearity, generator=rng)


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

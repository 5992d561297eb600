"""Lengths of gradients that do not change with the scale of a layer's weights."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor


def layer_scaled(
    gradients: Float[Tensor, "K P"], parameters: Mapping[str, Tensor]
) -> float:
    """The sum over tensors of their squared length times that of their part of a
    gradient, the median over the gradients: unmoved by any layer's scale.
    """
    parts = gradients.split([value.numel() for value in parameters.values()], dim=1)
    squares = [part.square().sum(dim=1) for part in parts]
    lengths = [value.square().sum() for value in parameters.values()]
    weighted = [a * b for a, b in zip(squares, lengths, strict=True)]
    return torch.stack(weighted).sum(dim=0).median().item()

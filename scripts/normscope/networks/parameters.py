"""A network's trainable parameters as one vector, and back."""

from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn


def flatten(tensors: Iterable[Tensor]) -> Float[Tensor, " P"]:
    """All entries of the tensors, in their order, as one vector."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def unflatten(
    vector: Float[Tensor, " P"], like: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Views of the vector under the names and shapes of `like`."""
    pieces = vector.split([tensor.numel() for tensor in like.values()])
    return {
        name: piece.view(tensor.shape)
        for (name, tensor), piece in zip(like.items(), pieces, strict=True)
    }


def trainable(network: nn.Module) -> dict[str, Tensor]:
    """The trainable parameters by name; one that is in two places has its first."""
    return {
        name: value for name, value in network.named_parameters() if value.requires_grad
    }


def detached(network: nn.Module) -> dict[str, Tensor]:
    """The trainable parameters by name, cut from any graph."""
    return {name: value.detach() for name, value in trainable(network).items()}


def layout(network: nn.Module) -> dict[str, tuple[tuple[int, ...], int]]:
    """Shape and offset of each trainable parameter in the flat vector, by name."""
    places, offset = {}, 0
    for name, value in trainable(network).items():
        places[name] = (tuple(value.shape), offset)
        offset += value.numel()
    return places


def perturbed(
    parameters: Mapping[str, Tensor], direction: Float[Tensor, " P"], length: float
) -> dict[str, Tensor]:
    """The parameters after a step of that length along a unit direction."""
    step = unflatten(length * direction, parameters)
    return {name: value + step[name] for name, value in parameters.items()}

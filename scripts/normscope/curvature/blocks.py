"""The block of a matrix that belongs to one layer's parameters."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.curvature.krylov import Operator
from normscope.networks.layer_names import layer_of
from normscope.networks.layers import leaves
from normscope.networks.parameters import layout


class Block:
    """The rows and columns of an operator in those places of its vectors."""

    def __init__(self, operator: Operator, places: Sequence[slice]) -> None:
        self.operator, self.places = operator, places
        self.dimension = sum(place.stop - place.start for place in places)
        self.device = operator.device

    def __call__(self, vector: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
        whole = torch.zeros(
            self.operator.dimension, dtype=vector.dtype, device=vector.device
        )
        sizes = [place.stop - place.start for place in self.places]
        for place, piece in zip(self.places, vector.split(sizes), strict=True):
            whole[place] = piece
        product = self.operator(whole)
        return torch.cat([product[place] for place in self.places])


def places_of_layers(network: nn.Module) -> dict[str, list[slice]]:
    """Where the trainable parameters of each layer are in the flat vector, by the
    layer's name, in the order of the parameters.
    """
    layers = dict(leaves(network))
    places: dict[str, list[slice]] = {}
    for name, (shape, offset) in layout(network).items():
        place = slice(offset, offset + torch.Size(shape).numel())
        places.setdefault(layer_of(name, layers), []).append(place)
    return places

"""Convolutions whose weights act on inputs without their means."""

from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Centred(nn.Module):
    """A convolution as it is now, as a function of its inputs; its weights act on
    the inputs less the `means` of their channels, and what that leaves out is constant.
    """

    def __init__(
        self, convolution: nn.Conv2d, means: Float[Tensor, " C"], shape: torch.Size
    ) -> None:
        super().__init__()
        self.convolution = convolution
        self.register_buffer("means", means[None, :, None, None])
        with torch.no_grad():
            everywhere = self.means.expand(1, *shape[1:])
            self.register_buffer("left_out", convolution(everywhere).clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x - self.means) + self.left_out


@torch.no_grad()
def centred(network: nn.Module, images: Float[Tensor, "N C H W"]) -> nn.Module:
    """A copy of the network with the same outputs now, of which every convolution is
    `Centred` on the means of its inputs over these images and all pixels.
    """
    copy = deepcopy(network)
    seen: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_pre_hook(
            lambda _, inputs, name=name: seen.__setitem__(name, inputs[0])
        )
        for name, layer in copy.named_modules()
        if isinstance(layer, nn.Conv2d)
    ]
    copy(images)
    for hook in hooks:
        hook.remove()
    for name, inputs in seen.items():
        place, _, last = name.rpartition(".")
        parent = copy.get_submodule(place)
        means = inputs.mean(dim=(0, 2, 3))
        own = Centred(getattr(parent, last), means, inputs.shape)
        setattr(parent, last, own)
    return copy

"""What a convolution's scale does to the means behind the activation that follows."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.networks.layers import is_norm, leaves
from normscope.outputs.activations import pass_through
from normscope.outputs.channels import Outputs, by_channel


def blocks(network: nn.Module, images: Tensor) -> Iterator[tuple[str, str, str]]:
    """The names of each convolution, the layer that runs next, and the norm behind
    them, where there is one before the next convolution.
    """
    ran: list[str] = []
    with torch.no_grad():
        pass_through(network, images, lambda name, _: ran.append(name))
    known = dict(leaves(network))
    convolutions = [
        place
        for place, name in enumerate(ran)
        if isinstance(known.get(name), nn.Conv2d)
    ]
    for place, end in zip(convolutions, [*convolutions[1:], len(ran)], strict=True):
        norms = [name for name in ran[place + 2 : end] if is_norm(known.get(name))]
        if norms:
            yield ran[place], ran[place + 1], norms[0]


@torch.no_grad()
def rescaled(
    network: nn.Module, images: Tensor, block: tuple[str, str, str], change: float
) -> dict[str, float]:
    """The layer's row, from passes with the convolution's weights times 1 + change and
    1 - change.

    `rise` and `fall`: by how much the channels' means behind the norm move, the mean
    over channels. `slope`: change of the means behind the next layer over that of the
    deviations before it, both summed over channels; for ReLU and channels that are
    normal with mean 0 it is 1 / sqrt(2 pi). `kurtosis`: of the channels before it, the
    median (3 of a normal one).
    """
    convolution, following, norm = block
    weight = dict(leaves(network))[convolution].weight

    def statistics(scale: float) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}

        def look(name: str, outputs: Outputs) -> None:
            if name in block:
                found[name] = by_channel(outputs).clone()

        weight.mul_(scale)
        pass_through(network, images, look)
        weight.div_(scale)
        return found

    kept = weight.clone()
    unmoved = statistics(1.0)
    up, down = (statistics(1 + sign * change) for sign in (1, -1))
    weight.copy_(kept)
    means = {name: values.mean(dim=1) for name, values in unmoved.items()}
    moved = up[following].mean(dim=1) - down[following].mean(dim=1)
    widened = up[convolution].std(dim=1) - down[convolution].std(dim=1)
    return {
        "kurtosis": kurtosis(unmoved[convolution]).median().item(),
        "rise": (up[norm].mean(dim=1) - means[norm]).mean().item(),
        "fall": (down[norm].mean(dim=1) - means[norm]).mean().item(),
        "slope": (moved.sum() / widened.sum()).item(),
    }


def kurtosis(values: Float[Tensor, "C n"]) -> Float[Tensor, " C"]:
    """Fourth central moment of each row over its squared variance."""
    centred = values - values.mean(dim=1, keepdim=True)
    return centred.pow(4).mean(dim=1) / centred.square().mean(dim=1).square()

"""Shortcuts around the pairs of blocks of the conv net (He et al. 2016)."""

from collections import OrderedDict

from torch import Tensor, fx, nn

Traced = Tensor | fx.Proxy


class Add(nn.Module):
    """The sum of a branch and its shortcut."""

    def forward(self, x: Traced, shortcut: Traced) -> Traced:
        return x + shortcut


class Residual(nn.Module):
    """Layers in turn, but those of a shortcut see the input of their pair of blocks.

    The layers are in the order in which they run; `with_shortcut` names them.
    """

    def __init__(self, layers: OrderedDict[str, nn.Module]) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        pairs = [name.removesuffix("_add") for name in layers if name.endswith("_add")]
        self.starts = {f"{pair}_conv" for pair in pairs}

    def forward(self, x: Traced) -> Traced:
        shortcut = x
        for name, layer in self.named_children():
            if name in self.starts:
                shortcut = x
            if "_shortcut_" in name:
                shortcut = layer(shortcut)
            else:
                x = layer(x, shortcut) if name.endswith("_add") else layer(x)
        return x


def with_shortcut(
    name: str,
    layers: OrderedDict[str, nn.Module],
    shortcut: OrderedDict[str, nn.Module],
) -> OrderedDict[str, nn.Module]:
    """A pair of blocks whose last activation sees the sum with the shortcut.

    As a pair changes height, width and mostly channels, a shortcut is a 1 x 1
    convolution of stride 2 and its norm (He et al. 2016, option B).
    """
    found = OrderedDict()
    for key, layer in layers.items():
        if key == f"{name}_extra_act":
            found |= shortcut
            found[f"{name}_add"] = Add()
        found[key] = layer
    return found

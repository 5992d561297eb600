"""The article's unbranched conv net in all its variants."""

from collections import OrderedDict
from dataclasses import dataclass
from importlib import import_module
from math import sqrt
from types import ModuleType

import torch
from torch import Tensor, nn

from normscope.images.size import SIZE

CHANNELS_LAST = torch.channels_last  # 1.2 to 1.7 times faster on a CPU
INPUT_SCALE = 1 / sqrt(2)
OUTPUT_SCALE = 0.125 / sqrt(6)
OUTPUTS = "classifier_scale"  # the layer whose channels are the network's outputs


@dataclass(frozen=True)
class Architecture:
    """All that `build` needs to know; `frozen` batch norm uses fixed statistics."""

    widths: tuple[int, ...]
    classes: int
    activation: str = "softplus"
    norm: str = "none"
    norm_position: str = "before_activation"
    frozen: bool = False


class Scale(nn.Module):
    """Multiplication by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def build(architecture: Architecture, rng: torch.Generator) -> nn.Sequential:
    """The network (N, 3, 32, 32) -> (N, classes) with He-uniform weights.

    Weights are uniform with variance 2 / fan_in (He et al. 2015). Layers carry the
    article's names: prep_conv, layer1_conv, layer1_extra_conv, ... classifier_conv.
    """
    first, *rest = architecture.widths
    layers = OrderedDict(input_scale=Scale(INPUT_SCALE))
    layers |= _block("prep", 3, first, architecture)
    narrow = first
    for number, wide in enumerate(rest, 1):
        layers |= _block(f"layer{number}", narrow, wide, architecture)
        layers[f"layer{number}_pool"] = nn.MaxPool2d(2)
        layers |= _block(f"layer{number}_extra", wide, wide, architecture)
        narrow = wide
    layers["pool"] = nn.MaxPool2d(SIZE >> len(rest))
    layers["classifier_conv"] = nn.Conv2d(narrow, architecture.classes, 1, bias=False)
    layers[OUTPUTS] = Scale(OUTPUT_SCALE)
    layers["flatten"] = nn.Flatten()
    network = nn.Sequential(layers)
    for weight in network.parameters():
        nn.init.kaiming_uniform_(weight, generator=rng)
    return network.train(not architecture.frozen)


def _block(
    name: str, inputs: int, outputs: int, architecture: Architecture
) -> OrderedDict[str, nn.Module]:
    conv = (f"{name}_conv", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
    act = (f"{name}_act", _named("activations", architecture.activation).build())
    if architecture.norm == "none":
        return OrderedDict([conv, act])
    norm = (f"{name}_norm", _named("norms", architecture.norm).build(outputs))
    after = architecture.norm_position == "after_activation"
    return OrderedDict([conv, act, norm] if after else [conv, norm, act])


def _named(package: str, name: str) -> ModuleType:
    """By name, so that a network's results do not depend on kinds that it lacks."""
    return import_module(f"normscope.networks.{package}.{name}")

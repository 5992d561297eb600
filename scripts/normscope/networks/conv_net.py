"""The article's unbranched conv net in all its variants."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import sqrt
from types import MappingProxyType, ModuleType

import torch
from torch import Tensor, nn

from normscope.images.size import SIZE
from normscope.job import UserError

INPUT_SCALE = 1 / sqrt(2)
OUTPUT_SCALE = 0.125 / sqrt(6)
OUTPUTS = "classifier_scale"  # the layer whose channels are the network's outputs
# Where convolutions have stride 2 instead, the last pool stays as in the article.
POOLS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {"max": nn.MaxPool2d, "mean": nn.AvgPool2d, "stride": nn.MaxPool2d}
)
# What a norm learns, by the config's word for it.
LEARNT: Mapping[str, Sequence[str]] = MappingProxyType(
    {"none": (), "scale": ("weight",), "shift": ("bias",), "both": ("weight", "bias")}
)


@dataclass(frozen=True)
class Architecture:
    """All that `build` needs to know; what has a default is as in the article.

    `frozen` batch norm uses fixed statistics. Norms are behind the convolutions that
    `norm_layers` names (prep, layer1, layer1_extra, ..., classifier), or behind all but
    the classifier's. The learnable part of a norm is `affine`: none, scale, shift or
    both. Batch norm has its statistics from `ghost_batch` images at a time.
    `init_scale` multiplies the weights. Images are `size` pixels high and wide.
    """

    widths: tuple[int, ...]
    classes: int
    activation: str = "softplus"
    norm: str = "none"
    norm_position: str = "before_activation"
    frozen: bool = False
    affine: str = "none"
    norm_layers: tuple[str, ...] | None = None
    ghost_batch: int | None = None
    shortcuts: bool = False
    pool: str = "max"
    init_scale: float = 1.0
    size: int = SIZE

    def has_norm(self, name: str) -> bool:
        """Whether a norm follows the convolution of that block.

        A shortcut's convolution has one if its pair's last convolution has one.
        """
        if self.norm_layers is None:
            return self.norm != "none" and name != "classifier"
        return name.replace("_shortcut", "_extra") in self.norm_layers


class Scale(nn.Module):
    """Multiplication by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def build(architecture: Architecture, rng: torch.Generator) -> nn.Module:
    """The network (N, 3, size, size) -> (N, classes) with He-uniform weights.

    Weights are uniform with variance 2 / fan_in (He et al. 2015). Layers carry the
    article's names: prep_conv, layer1_conv, layer1_extra_conv, ... classifier_conv.
    """
    first, *rest = architecture.widths
    layers = OrderedDict(input_scale=Scale(INPUT_SCALE))
    layers |= _block("prep", 3, first, architecture)
    narrow = first
    for number, wide in enumerate(rest, 1):
        layers |= _pair(f"layer{number}", narrow, wide, architecture)
        narrow = wide
    layers["pool"] = POOLS[architecture.pool](architecture.size >> len(rest))
    layers |= _conv_and_norm(
        "classifier", narrow, architecture.classes, architecture, kernel_size=1
    )
    layers[OUTPUTS] = Scale(OUTPUT_SCALE)
    layers["flatten"] = nn.Flatten()
    network = _assembled(layers, architecture)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, generator=rng)
            layer.weight.data *= architecture.init_scale
    return network.train(not architecture.frozen)


def _assembled(
    layers: OrderedDict[str, nn.Module], architecture: Architecture
) -> nn.Module:
    if architecture.shortcuts:
        return import_module("normscope.networks.residual").Residual(layers)
    return nn.Sequential(layers)


def _pair(
    name: str, inputs: int, outputs: int, architecture: Architecture
) -> OrderedDict[str, nn.Module]:
    """Two blocks; the first halves height and width."""
    strided = {"stride": 2} if architecture.pool == "stride" else {}
    layers = _block(name, inputs, outputs, architecture, **strided)
    if not strided:
        layers[f"{name}_pool"] = POOLS[architecture.pool](2)
    layers |= _block(f"{name}_extra", outputs, outputs, architecture)
    if architecture.shortcuts:
        around = _conv_and_norm(
            f"{name}_shortcut", inputs, outputs, architecture, kernel_size=1, stride=2
        )
        residual = import_module("normscope.networks.residual")
        layers = residual.with_shortcut(name, layers, around)
    return layers


def _block(
    name: str, inputs: int, outputs: int, architecture: Architecture, **options: int
) -> OrderedDict[str, nn.Module]:
    act = _named("activations", architecture.activation).build()
    layers = _conv_and_norm(
        name, inputs, outputs, architecture, kernel_size=3, padding=1, **options
    )
    layers[f"{name}_act"] = act
    if architecture.norm_position == "after_activation" and f"{name}_norm" in layers:
        layers.move_to_end(f"{name}_norm")
    return layers


def _conv_and_norm(
    name: str, inputs: int, outputs: int, architecture: Architecture, **options: int
) -> OrderedDict[str, nn.Module]:
    """The convolution of a block, and the norm behind it where there is one."""
    kind, convolution = None, nn.Conv2d
    if architecture.has_norm(name):
        kind = _named("norms", architecture.norm)
        convolution = getattr(kind, "Convolution", convolution)
    conv = convolution(inputs, outputs, bias=False, **options)
    layers = OrderedDict({f"{name}_conv": conv})
    if hasattr(kind, "build"):
        layers[f"{name}_norm"] = _norm(kind, outputs, architecture)
    return layers


def _norm(kind: ModuleType, channels: int, architecture: Architecture) -> nn.Module:
    if architecture.ghost_batch and not architecture.frozen:
        ghost = import_module("normscope.networks.ghost_batch_norm")
        norm = ghost.GhostBatchNorm(channels, architecture.ghost_batch)
    else:
        norm = kind.build(channels)
    for name in LEARNT[architecture.affine]:
        if not hasattr(norm, name):
            raise UserError(
                f"the norm {architecture.norm} has no learnable {architecture.affine}; "
                "leave the network's config key affine out"
            )
        start = torch.ones if name == "weight" else torch.zeros
        setattr(norm, name, nn.Parameter(start(channels)))
    return norm


def _named(package: str, name: str) -> ModuleType:
    """By name, so that a network's results do not depend on kinds that it lacks."""
    return import_module(f"normscope.networks.{package}.{name}")

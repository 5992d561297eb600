"""The article's unbranched conv net in all its variants, and its file."""

from collections import OrderedDict
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from normscope.job import Refused, whole
from normscope.norms import NORMS, use_batch_statistics
from normscope.reading import reading
from normscope.store import OUTPUTS, SIZE

CHANNELS_LAST = torch.channels_last  # 1.2 to 1.7 times faster on a CPU
INPUT_SCALE = 1 / sqrt(2)
OUTPUT_SCALE = 0.125 / sqrt(6)


@dataclass(frozen=True)
class Architecture:
    """All that `build` needs to know; `frozen` batch norm uses fixed statistics."""

    widths: tuple[int, ...]
    classes: int
    activation: str = "softplus"
    norm: str = "none"
    norm_position: str = "before_activation"
    frozen: bool = False


class _Softplus(torch.autograd.Function):
    """log(1 + exp(10 x)) / 10, and x itself from 10 x = 2.5 on (article, Networks).

    The same values, to the rounding of 1, and derivatives as those of
    torch.nn.functional.softplus, whose log1p has no vector code on many CPUs: 3 times
    slower.
    """

    beta, threshold = 10.0, 2.5
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        rest = (
            (x.abs() * -_Softplus.beta).exp_().add_(1).log_().mul_(1 / _Softplus.beta)
        )
        return rest.mul_(x * _Softplus.beta <= _Softplus.threshold).add_(x.relu())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.softplus_backward(
            gradient, x, _Softplus.beta, _Softplus.threshold
        )

    jvp = backward  # entry by entry, so that the Jacobian is its own transpose


class Softplus(nn.Module):
    """The article's smooth stand-in for ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return _Softplus.apply(x)

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """First and second derivative at each entry of x."""
        slope = torch.ops.aten.softplus_backward(
            torch.ones_like(x), x, _Softplus.beta, _Softplus.threshold
        )
        return slope, (1 - slope).mul_(slope).mul_(_Softplus.beta)


class ReLU(nn.ReLU):
    """The article's original activation, with the derivatives that it has."""

    def derivatives(self, x: Tensor) -> tuple[Tensor, None]:
        """The first derivative; the second is 0 wherever it exists."""
        return (x > 0).to(x.dtype), None


ACTIVATIONS = {"relu": ReLU, "softplus": Softplus}


class Scale(nn.Module):
    """Multiplication by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def build(architecture: Architecture, draws: torch.Generator) -> nn.Sequential:
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
        nn.init.kaiming_uniform_(weight, generator=draws)
    return network.train(not architecture.frozen)


def _block(
    name: str, inputs: int, outputs: int, architecture: Architecture
) -> OrderedDict[str, nn.Module]:
    conv = (f"{name}_conv", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
    act = (f"{name}_act", ACTIVATIONS[architecture.activation]())
    if NORMS[architecture.norm] is None:
        return OrderedDict([conv, act])
    norm = (f"{name}_norm", NORMS[architecture.norm](outputs))
    after = architecture.norm_position == "after_activation"
    return OrderedDict([conv, act, norm] if after else [conv, norm, act])


def save(
    path: str, network: nn.Module, architecture: Architecture, facts: dict
) -> None:
    """Write the weights with what `load` needs to build the network again."""
    content = {
        "state_dict": {
            name: value.cpu() for name, value in network.state_dict().items()
        },
        "network": asdict(architecture),
        "facts": facts,
    }
    with whole(path) as partial:
        torch.save(content, partial)


def load(path: str, classes: int | None = None) -> tuple[nn.Sequential, Architecture]:
    """The network of the file, in the mode in which it is analysed, on the CPU.

    Raises Refused where the file is not one of `save`'s or cannot be read, a weight is
    not finite or there are not so many classes; never runs code from it.
    """
    with reading(path, "a network of this version"):
        content = torch.load(path, weights_only=True)
        architecture = Architecture(**content["network"])
        network = build(architecture, torch.Generator())
        network.load_state_dict(content["state_dict"])
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise Refused(f"{path} holds weights that are not finite; delete it")
    if classes not in (None, architecture.classes):
        raise Refused(
            f"{path} tells {architecture.classes} classes apart, but the data set has "
            f"{classes}; delete it and run again"
        )
    return network, architecture


def prepare_analysis(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, active batch norm with its batch's statistics."""
    if network.training:
        use_batch_statistics(network)
    return network.to(device, memory_format=CHANNELS_LAST)

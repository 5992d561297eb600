"""The box of a layer in a network's diagram."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from normscope.figures.diagrams import SUM, Box
from normscope.networks.activations.softplus import Softplus
from normscope.networks.chains import ScaledReLU
from normscope.networks.conv_net import Scale
from normscope.networks.ghost_batch_norm import GhostBatchNorm
from normscope.networks.layers import is_norm
from normscope.networks.norms import weight_standardised
from normscope.networks.residual import Add

# What a norm learns in words, by whether it has weight and bias.
LEARNT = {(True, True): "affine", (True, False): "scale", (False, True): "shift"}


def box_of(layer: nn.Module) -> Box:
    """Its kind and size in two lines; a norm of weights is marked."""
    if is_norm(layer):
        return Box(_norm_words(layer), "norm")
    match layer:
        case nn.Conv2d():
            side, stride = layer.kernel_size[0], layer.stride[0]
            is_standardised = isinstance(layer, weight_standardised.Convolution)
            words = f"{side} x {side}" + (f" / {stride}" if stride > 1 else "")
            name = "WS conv" if is_standardised else "conv"
            return Box(f"{name}\n{words}", "conv", is_standardised)
        case nn.Linear():
            return Box("linear", "linear")
        case nn.ReLU():
            return Box("ReLU", "activation")
        case ScaledReLU():
            return Box("scaled\nReLU", "activation")
        case Softplus():
            return Box("softplus", "activation")
        case nn.MaxPool2d() | nn.AvgPool2d():
            side = layer.kernel_size
            kind = "max-pool" if isinstance(layer, nn.MaxPool2d) else "mean"
            return Box(f"{kind}\n{side} x {side}", "pool")
        case Scale():
            return Box(f"x {layer.factor:.3g}", "scale")
        case Add():
            return Box(SUM, "sum")
        case nn.MultiheadAttention():
            return Box(f"attention\n{layer.num_heads} heads", "attention")
    return _other_box(type(layer))


def _other_box(kind: type[nn.Module]) -> Box:
    name = kind.__name__
    if "Pool" in name:
        return Box(f"{'max' if 'Max' in name else 'mean'}-\npool", "pool")
    if kind.__module__ == nn.GELU.__module__:  # of torch's activations
        return Box(name, "activation")
    return Box(name.lower(), "data")


def _norm_words(layer: nn.Module) -> str:
    match layer:
        case GhostBatchNorm():
            kind = f"ghost {layer.size}"
        case _BatchNorm():
            kind = "batch"
        case nn.GroupNorm(num_groups=1):
            kind = "layer"
        case nn.GroupNorm():
            kind = f"group {layer.num_groups}"
        case _:
            kind = type(layer).__name__.removesuffix("2d").removesuffix("Norm").lower()
    has = [getattr(layer, name, None) is not None for name in ("weight", "bias")]
    learnt = LEARNT.get(tuple(has))
    if learnt is None and kind.startswith("group"):
        return f"group\nnorm {layer.num_groups}"
    return f"{kind}\n{learnt or 'norm'}"

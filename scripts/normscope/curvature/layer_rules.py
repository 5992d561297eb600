"""Which rule takes tangents through which layer."""

from jaxtyping import Float
from torch import Tensor, nn

from normscope.curvature.activation_rules import (
    Activation,
    ActivationThenPool,
    MaxPool,
    PooledActivation,
)
from normscope.curvature.batch_norm_rules import ActiveBatchNorm, FrozenBatchNorm
from normscope.curvature.convolution_rules import (
    Convolution,
    WinogradConvolution,
    transforms_pay,
)
from normscope.curvature.rules import AnyLayer, Linear, Rule
from normscope.networks.conv_net import Scale

RULES = {
    nn.Conv2d: Convolution,
    nn.MaxPool2d: MaxPool,
    ActivationThenPool: PooledActivation,
    nn.Flatten: Linear,
    Scale: Linear,
}


def rule_of(
    layer: nn.Module, x: Float[Tensor, "N C H W"], g: Tensor, reused: bool
) -> Rule:
    """The layer's rule at the input x, where g is the gradient of the loss by the
    output.

    Set `reused` where many products are to be computed at this point, so that
    transforms of it pay.
    """
    if isinstance(layer, nn.BatchNorm2d):
        kind = ActiveBatchNorm if layer.training else FrozenBatchNorm
    elif reused and isinstance(layer, nn.Conv2d) and transforms_pay(layer, x):
        kind = WinogradConvolution
    elif hasattr(layer, "derivatives"):
        kind = Activation
    else:
        kind = RULES.get(type(layer), AnyLayer)
    return kind(layer, x, g)

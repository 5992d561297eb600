"""Weight standardisation (Qiao et al. 2019), a norm of weights instead of outputs."""

import torch.nn.functional as F
from torch import Tensor, nn

SMALL = 1e-6  # added to the variance, as in timm


class Convolution(nn.Conv2d):
    """A convolution whose filters have mean 0 and variance 2 / fan_in.

    Each filter is standardised over its fan_in weights and scaled by He's gain, so that
    the outputs are as large as those of the other networks before training; without a
    norm behind it they would grow by a factor of fan_in / 2 in each layer.
    """

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        centred = weight - weight.mean((1, 2, 3), keepdim=True)
        fan_in = weight.shape[1] * weight.shape[2] * weight.shape[3]
        variance = centred.square().mean((1, 2, 3), keepdim=True)
        scale = (variance + SMALL).rsqrt() * (2 / fan_in) ** 0.5
        return F.conv2d(x, centred * scale, None, self.stride, self.padding)

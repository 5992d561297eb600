"""Batch norm whose statistics are of parts of the batch (Hoffer et al. 2017)."""

from torch import Tensor, cat, nn
from torch.nn.modules.batchnorm import _BatchNorm


class GhostBatchNorm(_BatchNorm):
    """In training mode each `size` successive images have statistics of their own.

    Running statistics are updated with those of each part. Evaluation mode is that of
    batch norm. No nn.BatchNorm2d, whose derivatives are others.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__(channels, affine=False)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        if len(x) % self.size:
            raise ValueError(f"{len(x)} images in ghost batches of {self.size}")
        normalise = super().forward
        return cat([normalise(part) for part in x.split(self.size)])

    def _check_input_dim(self, x: Tensor) -> None:
        nn.BatchNorm2d._check_input_dim(self, x)

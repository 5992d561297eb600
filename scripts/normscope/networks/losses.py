"""What networks are trained to make small."""

from collections.abc import Callable

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def smoothed_cross_entropy(
    logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"], smoothing: float
) -> Float[Tensor, ""]:
    """Mean over the batch of cross-entropy + smoothing x (minus mean log-probability).

    The article's label smoothing, with smoothing 0.5.
    """
    log_probabilities = F.log_softmax(logits, dim=1)
    return F.nll_loss(log_probabilities, labels) - smoothing * log_probabilities.mean()

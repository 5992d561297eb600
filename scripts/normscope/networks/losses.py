"""What networks are trained to make small."""

from collections.abc import Callable
from math import log

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


def floor(classes: int, smoothing: float) -> float:
    """The smallest value that `smoothed_cross_entropy` can take.

    It is (1 + smoothing) times the cross-entropy with the labels smoothed: probability
    (1 + smoothing / K) / (1 + smoothing) for the class, smoothing / K / (1 + smoothing)
    for each other one. So its least value is that many times their entropy.
    """
    other = smoothing / classes
    target = 1 + other
    total = 1 + smoothing
    entropy = -target / total * log(target / total)
    if other:
        entropy -= (classes - 1) * other / total * log(other / total)
    return total * entropy

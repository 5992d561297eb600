"""Moments of the outputs over a batch and their gradients by the parameters."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from normscope import shapes
from normscope.datasets import Batch
from normscope.job import Refused, progress
from normscope.parameters import flatten


def moments(outputs: Tensor) -> Tensor:
    """Mean, unbiased variance and third central moment: (N, K) -> (3, K).

    The third moment is not divided by the cubed deviation (the article's "skew").
    """
    shapes.check(outputs=(outputs, "N K"))
    mean = outputs.mean(dim=0)
    centred = outputs - mean
    variance = centred.square().sum(dim=0) / (len(outputs) - 1)
    return torch.stack([mean, variance, centred.pow(3).mean(dim=0)])


def moment_gradients(network: nn.Module, batches: Sequence[Batch]) -> Tensor:
    """Gradient of every moment of every output, averaged over the batches: (3, K, P).

    Raises Refused where one is not finite. One backward pass per row: batching the
    rows (is_grads_batched) was measured 1.2 to 2.9 times slower on a CPU.
    """
    weights = list(network.parameters())
    total = None
    bar = progress(len(batches), "moment gradients", "batches")
    for images, _ in batches:
        values = moments(network(images))
        if total is None:
            total = images.new_zeros(values.numel(), sum(w.numel() for w in weights))
        for row, value in zip(total, values.view(-1), strict=True):
            row += flatten(torch.autograd.grad(value, weights, retain_graph=True))
        bar.update()
    bar.close()
    if not total.isfinite().all():
        raise Refused(
            "a gradient of the outputs' moments is not finite: the network's outputs "
            "overflow; lower the network's config key max_lr"
        )
    return total.view(*values.shape, -1) / len(batches)

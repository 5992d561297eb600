"""What a network gives with the statistics of each batch, and with the running ones."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from normscope.images.datasets import Batch, Dataset
from normscope.networks import batch_statistics
from normscope.networks.training import evaluate

IMAGES = 256  # more would take over 6 % of a default epoch's time


def fixed_images(
    dataset: Dataset, batch_size: int, rng: torch.Generator
) -> list[Batch]:
    """Whole batches of train images chosen at random, not augmented: IMAGES in all, or
    one batch if that is more.
    """
    count = max(1, min(IMAGES, len(dataset.train)) // batch_size)
    order = torch.randperm(len(dataset.train), generator=rng)[: count * batch_size]
    order = order.to(dataset.train.labels.device)
    images, labels = dataset.train.images[order], dataset.train.labels[order]
    return [
        (dataset.normalised(some), those)
        for some, those in zip(
            images.split(batch_size), labels.split(batch_size), strict=True
        )
    ]


def accuracies(network: nn.Module, batches: list[Batch]) -> dict[str, float]:
    """Accuracy on the batches in training mode and in evaluation mode.

    The weights and the running statistics stay as they are. Without batch norm both
    are the same.
    """
    with batch_statistics.of_each_batch(network):
        _, train_mode = evaluate(network, cross_entropy, batches)
    _, evaluation_mode = evaluate(network, cross_entropy, batches)
    return {
        "train_mode_accuracy": train_mode,
        "evaluation_mode_accuracy": evaluation_mode,
    }

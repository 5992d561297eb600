"""The logits of a few images on the way through training, for a slider."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from normscope.images.datasets import Batch
from normscope.networks.losses import Loss
from normscope.outputs import walks
from normscope.outputs.activations import measure_layers
from normscope.outputs.channels import SHOWN

NUMBERS = ("mean", "loss", "accuracy", "predicted_share")
# As in walks.h5, with checkpoints for lengths.
LAYOUT = {
    "epochs": ("epochs", "of training, at the checkpoints, ascending"),
    "grid": walks.LAYOUT["grid"],
} | {
    name: (sizes.replace("lengths", "epochs"), meaning)
    for name in ("density", *NUMBERS)
    for sizes, meaning in [walks.LAYOUT[f"*/{name}"]]
}


def look(network: nn.Module, loss: Loss, batch: Batch) -> dict[str, Tensor]:
    """The `logits` (N, S) of the batch's images for the first classes, and the NUMBERS
    over all of them, on the host.
    """
    found, numbers = measure_layers(network, loss, batch, {}, 0.0, layers=[])
    values = found["values"]
    seen = {
        "logits": values[:, :SHOWN],
        "mean": values.mean(dim=0),
        "predicted_share": found["predicted_share"],
    } | {name: torch.tensor(numbers[name]) for name in ("loss", "accuracy")}
    return {name: value.cpu() for name, value in seen.items()}


def arrays(
    epochs: Sequence[int], looks: Sequence[Mapping[str, Tensor]]
) -> dict[str, np.ndarray]:
    """The data sets of the LAYOUT, from a look at each checkpoint.

    All densities share a grid, as those along a direction in walks.h5 do.
    """
    logits = np.stack([each["logits"].numpy() for each in looks])
    grid = walks.logit_grid(logits[:, None])
    density = [walks.densities_on(grid, values) for values in logits]
    return {
        "epochs": np.array(epochs, dtype=float),
        "grid": grid,
        "density": np.stack(density).astype(np.float32),
    } | {name: np.stack([each[name].numpy() for each in looks]) for name in NUMBERS}

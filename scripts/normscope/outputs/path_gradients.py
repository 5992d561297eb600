"""What each checkpoint's row says of the gradients of the logits' moments."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from normscope.images.datasets import Batch
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.outputs import majority


def columns(
    network: nn.Module, batches: Sequence[Batch], gradients: Float[Tensor, "3 K P"]
) -> dict[str, float]:
    """Squared norms of the moments' gradients, medians over the logits; what steps
    along those of the means do on the first batch; and the length of the parameters.
    """
    squares = gradients.square().sum(dim=2).median(dim=1).values.tolist()
    names = ("mean_gradient", "variance_gradient", "third_moment_gradient")
    parameters = detached(network)
    norm = flatten(parameters.values()).norm().item()
    images, _ = batches[0]

    @torch.no_grad()
    def share(place, direction, length):
        moved = perturbed(parameters, direction, length * norm)
        predicted = torch.func.functional_call(network, moved, (images,)).argmax(dim=1)
        return (predicted == place).float().mean().item()

    directions = normalize(gradients[0], dim=1)
    shares = [partial(share, *each) for each in enumerate(directions)]
    lengths = [majority.critical_length(each) for each in shares]
    return dict(zip(names, squares, strict=True)) | {
        "majority_share": float(
            np.mean([each(majority.START) > majority.MAJORITY for each in shares])
        ),
        "critical_length": float(np.median(np.minimum(lengths, majority.LONGEST))),
        "parameter_norm": norm,
        "layer_scaled_gradient": layer_scaled(gradients[0], parameters),
    }


def layer_scaled(
    gradients: Float[Tensor, "K P"], parameters: Mapping[str, Tensor]
) -> float:
    """The sum over tensors of their squared length times that of their part of a
    gradient, the median over the gradients: unmoved by any layer's scale.
    """
    parts = gradients.split([value.numel() for value in parameters.values()], dim=1)
    squares = [part.square().sum(dim=1) for part in parts]
    lengths = [value.square().sum() for value in parameters.values()]
    weighted = [a * b for a, b in zip(squares, lengths, strict=True)]
    return torch.stack(weighted).sum(dim=0).median().item()

"""What a network needs of a device's memory, known before anything is computed."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from normscope.job import UserError

GIGABYTE = 2**30


def require_room(network: nn.Module, images: Tensor, free: float, key: str) -> None:
    """Raise UserError where a gradient on a batch like these images takes more than the
    `free` GiB, naming the config key that lowers it.
    """
    needed = gradient_gigabytes(network, images)
    if needed > free:
        raise UserError(
            f"config key {key}: a gradient on {len(images)} images needs {needed:.2g} "
            f"GB of memory, of which {free:.2g} are free; lower it, or take a device "
            "with more (no batch is split, as batch norm would compute something else)"
        )


def gradient_gigabytes(network: nn.Module, images: Tensor) -> float:
    """GiB that a pass forward keeps for the gradient, and the gradient itself.

    By a pass of a copy on torch's meta device, which computes nothing; 0 of a network
    that cannot be passed there.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        return tensor

    try:
        copy = deepcopy(network).to("meta")
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            # Storages are told apart by their addresses as long as all are alive.
            outputs = copy(torch.empty_like(images, device="meta"))
    except (RuntimeError, NotImplementedError):
        return 0.0
    weights = sum(weight.nbytes for weight in copy.parameters())
    del outputs
    return (sum(kept.values()) + weights) / GIGABYTE

"""How accurate eigenpairs of a float32 Hessian are, by products in float64."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import TINY
from normscope.networks.activations.softplus import Softplus

BESIDE = 1e-6  # how far from the jump an input is put at least, as a share of it


def true_residuals(
    hessian: Hessian,
    eigenvalues: Float64[Tensor, " k"],
    eigenvectors: Float[Tensor, "k P"],
    memory_gb: float,
) -> Float64[Tensor, " k"]:
    """||H v - lambda v|| / |lambda| of each pair, H v from one product in float64.

    The network, the images and the vectors are brought to float64, in which the
    rounding of products does not count. The slope of softplus jumps where it becomes
    the identity; inputs that rounding took across are moved back, as else the products
    would be of another function. `memory_gb` is as for Hessian. NaN on a device
    without float64.
    """
    if hessian.device.type == "mps":
        return torch.full_like(eigenvalues, torch.nan)
    vectors = eigenvectors.double()
    products = torch.zeros_like(vectors)
    for images, labels in hessian.batches:
        network = on_the_same_side(hessian.network, images)
        batch = images.double(), labels
        exact = Hessian(network, hessian.loss, [batch], memory_gb)
        for product, vector in zip(products, vectors, strict=True):
            product += exact(vector)
    values = eigenvalues.to(vectors)[:, None]
    rests = products / len(hessian.batches) - values * vectors
    return (rests.norm(dim=1) / values[:, 0].abs().clamp(min=TINY)).cpu()


def on_the_same_side(network: nn.Module, images: Float[Tensor, "N C H W"]) -> nn.Module:
    """A copy in float64 in which, on these images, each input of a softplus is on that
    side of its jump on which it is in float32.
    """
    finer = deepcopy(network).double()
    with torch.no_grad(), _softplus_inputs(network) as rounded:
        network(images)
    with torch.no_grad(), _softplus_inputs(finer) as exact:
        finer(images.double())
    for name, x in exact.items():
        layer = finer.get_submodule(name)
        is_straight = _is_straight(layer, rounded[name])
        crossed = is_straight != _is_straight(layer, x)
        if crossed.any():
            away = 1 + BESIDE * (2 * is_straight.double() - 1)
            shift = (rounded[name] * away - x).where(crossed, 0.0)
            finer.set_submodule(name, _Shifted(layer, shift))
    return finer


class _Shifted(nn.Module):
    """A layer behind a constant that is added to its input."""

    def __init__(self, layer: nn.Module, shift: Tensor) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x + self.shift)


def _is_straight(layer: Softplus, x: Tensor) -> Tensor:
    """Where the softplus is the identity."""
    return layer.derivatives(x)[0] == 1


@contextmanager
def _softplus_inputs(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """The input of each softplus by its name, once the network has run."""
    found: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_pre_hook(
            lambda layer, inputs, name=name: found.update({name: inputs[0]})
        )
        for name, layer in network.named_modules()
        if isinstance(layer, Softplus)
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()

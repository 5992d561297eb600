"""How accurate eigenpairs of a float32 Hessian are, by products in float64."""

from copy import deepcopy

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from normscope.curvature.decomposition import fresh_residuals
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import Eigenpairs


def true_residuals(
    hessian: Hessian,
    eigenvalues: Float64[Tensor, " k"],
    eigenvectors: Float[Tensor, "k P"],
    memory_gb: float,
) -> Float64[Tensor, " k"]:
    """||H v - lambda v|| / |lambda| of each pair, H v from one product in float64.

    The network, the images and the vectors are brought to float64, in which the
    rounding of products does not count. `memory_gb` is as for Hessian. NaN on a device
    that has no float64.
    """
    if hessian.device.type == "mps":
        return torch.full_like(eigenvalues, torch.nan)
    exact = Hessian(
        deepcopy(hessian.network).double(),
        hessian.loss,
        [(images.double(), labels) for images, labels in hessian.batches],
        memory_gb,
    )
    pairs = Eigenpairs(eigenvalues, eigenvectors.double(), eigenvalues, 0)
    return fresh_residuals(exact, pairs)

"""How the Gauss-Newton matrix and the gradient lie to the Hessian's leading pairs."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from normscope.curvature.gauss_newton import GaussNewton
from normscope.curvature.lanczos import TINY
from normscope.curvature.true_residuals import true_residuals
from normscope.outputs.gradients import averaged_gradients

LAYOUT = {
    "rest": ("k", "||(H - G) v|| / |lambda| of each eigenpair of hessian.h5"),
    "overlaps": (
        "k",
        "squared projection of v of hessian.h5 on the span of G's",
    ),
    "gradient_shares": ("k", "squared cosine of the loss's gradient and v"),
    "residual_norms_float64": (
        "k",
        "||Hv - lambda v|| / |lambda| of hessian.h5, Hv from a product in float64; nan "
        "on a device that has none",
    ),
}


@dataclass(frozen=True)
class HessianPairs:
    """Leading eigenpairs of the Hessian; unit eigenvectors as rows on its device."""

    eigenvalues: Float64[Tensor, " k"]
    eigenvectors: Float[Tensor, "k P"]


def compared(
    matrix: GaussNewton,
    pairs: HessianPairs,
    leading: Float[Tensor, "m P"],
    memory_gb: float,
) -> dict[str, Float64[Tensor, " k"]]:
    """The data sets of LAYOUT, from G, its leading vectors and the Hessian's pairs.

    `memory_gb` is what products in float64 may take.
    """
    hessian, vectors = matrix.hessian, pairs.eigenvectors
    rest = [(hessian(v) - matrix(v)).norm().item() for v in vectors]
    (gradient,) = averaged_gradients(
        hessian.network,
        hessian.batches,
        lambda logits, labels: hessian.loss(logits, labels)[None],
        "loss",
    )
    return {
        "rest": torch.tensor(rest).double() / pairs.eigenvalues.abs().clamp(min=TINY),
        "overlaps": _squared_lengths(vectors @ leading.T),
        "gradient_shares": _squared_lengths((vectors @ gradient)[:, None])
        / gradient.norm().item() ** 2,
        "residual_norms_float64": true_residuals(
            hessian, pairs.eigenvalues, vectors, memory_gb
        ),
    }


def _squared_lengths(rows: Float[Tensor, "k m"]) -> Float64[Tensor, " k"]:
    return rows.cpu().double().square().sum(1)

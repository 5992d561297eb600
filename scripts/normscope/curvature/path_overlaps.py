"""Squared overlaps of eigenvectors with the few spans that each checkpoint has."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature.overlaps import PARTS, Column, moment_columns
from normscope.curvature.subspaces import inner_products, squared_overlaps


def path_columns(
    vectors: Float[Tensor, "k P"],
    moments: Float[Tensor, "3 K P"],
    placebos: Float[Tensor, "M P"],
) -> dict[str, Column]:
    """The squared overlap of each unit vector with each span, by its column's name.

    Those with gradients of moments are the columns that `overlap_columns` has.
    Rows of placebos are as `spans.placebo_gradients` has them. `placebo_all`: the span
    of all; `placebo`: the mean over the three spans that have one for each output.
    """
    groups = [*moments, *placebos.view(moments.shape)]
    products, gram = inner_products(vectors, groups)
    rows = torch.arange(len(gram)).view(len(groups), -1)

    def overlap(*chosen: int) -> Column:
        return squared_overlaps(products, gram, rows[list(chosen)].flatten())

    columns = moment_columns([overlap(*part) for part in PARTS])
    columns["placebo"] = np.mean([overlap(3), overlap(4), overlap(5)], axis=0)
    columns["placebo_all"] = overlap(3, 4, 5)
    return columns

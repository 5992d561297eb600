"""Orthonormal bases of groups of vectors, and how much of a vector lies in a span."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor
from torch.nn.functional import normalize

# A direction that keeps less of its length than this is spanned by earlier ones.
DEPENDENT = 1e-5
BLOCK = 2**17  # columns that are taken to float64 at a time


def orthonormal_groups(
    groups: Sequence[Float[np.ndarray, "_ P"]],
) -> list[Float32[np.ndarray, "_ P"]]:
    """Orthonormal rows that span what each group of rows adds to the earlier ones.

    float32 from a Gram-Schmidt process in float64; a group that adds nothing in
    some direction has fewer rows.
    """
    count = sum(len(group) for group in groups)
    spanned = np.empty((count, groups[0].shape[1]))
    size, bases = 0, []
    for group in groups:
        before = size
        for row in group.astype(float):
            rest = row
            for _ in range(2):
                rest = rest - spanned[:size].T @ (spanned[:size] @ rest)
            if np.linalg.norm(rest) > DEPENDENT * np.linalg.norm(row):
                spanned[size] = rest / np.linalg.norm(rest)
                size += 1
        bases.append(spanned[before:size].astype(np.float32))
    return bases


def orthonormal(rows: Float[Tensor, "m P"]) -> Float[Tensor, "_ P"]:
    """Orthonormal rows that span the same, where the rows are.

    Directions in which unit rows have less than DEPENDENT of their largest extent count
    as none.
    """
    if not len(rows):
        return rows
    _, extents, directions = torch.linalg.svd(
        normalize(rows, dim=1), full_matrices=False
    )
    return directions[extents > DEPENDENT * extents[0]]


def inner_products(
    vectors: Float[Tensor, "k P"], groups: Sequence[Float[Tensor, "_ P"]]
) -> tuple[Float64[Tensor, "k m"], Float64[Tensor, "m m"]]:
    """Products of the vectors with the rows of all groups, and of the rows with one
    another, on the host.

    In float64 on the device of the vectors, a block of columns at a time, so that no
    whole copy is made.
    """
    # Apple's GPUs have no float64.
    device = "cpu" if vectors.device.type == "mps" else vectors.device
    count, rows = len(vectors), sum(len(group) for group in groups)
    total = torch.zeros(count + rows, rows, dtype=torch.float64, device=device)
    for start in range(0, vectors.shape[1], BLOCK):
        columns = slice(start, start + BLOCK)
        block = torch.cat(
            [part[:, columns].to(device).double() for part in (vectors, *groups)]
        )
        total += block @ block[count:].T
    return total[:count].cpu(), total[count:].cpu()


def squared_overlaps(
    products: Float64[Tensor, "k m"],
    gram: Float64[Tensor, "m m"],
    chosen: Int64[Tensor, " s"],
) -> Float64[np.ndarray, " k"]:
    """Squared length of each unit vector's projection on the span of the chosen rows.

    From the vectors' products with all rows, and the rows' with one another. A row's
    length does not matter. Directions in which unit rows have less than DEPENDENT of
    their largest extent count as none.
    """
    lengths = gram.diagonal()[chosen].sqrt()
    used = chosen[lengths > 0]
    lengths = lengths[lengths > 0]
    cosines = gram[used][:, used] / lengths / lengths[:, None]
    values, directions = torch.linalg.eigh(cosines)
    kept = values > DEPENDENT**2 * values.max() if len(values) else values > 0
    coordinates = (products[:, used] / lengths) @ directions[:, kept]
    return (coordinates.square() / values[kept]).sum(dim=1).numpy()

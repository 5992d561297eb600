"""Orthonormal bases of groups of vectors, and how much of a vector lies in each."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32

# A direction that keeps less of its length than this is spanned by earlier ones.
DEPENDENT = 1e-5


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


def overlaps(
    vectors: Float[np.ndarray, "k P"], basis: Float[np.ndarray, "m P"]
) -> Float[np.ndarray, " k"]:
    """Squared length of each unit row's projection on the basis of orthonormal rows."""
    return np.square(vectors @ basis.T).sum(axis=1)

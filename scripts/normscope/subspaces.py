"""Orthonormal bases of groups of vectors, and how much of a vector lies in each."""

from collections.abc import Sequence

import torch
from torch import Tensor

from normscope import shapes

# A direction that keeps less of its length than this is spanned by earlier ones.
DEPENDENT = 1e-5


def orthonormal_groups(groups: Sequence[Tensor]) -> list[Tensor]:
    """Orthonormal rows that span what each group (K, P) adds to the earlier ones.

    float32 from a Gram-Schmidt process in float64; a group that adds nothing in
    some direction has fewer rows.
    """
    shapes.check(
        **{f"group {i}": (group, f"K{i} P") for i, group in enumerate(groups, 1)}
    )
    count = sum(len(group) for group in groups)
    spanned = torch.empty(count, groups[0].shape[1], dtype=torch.float64)
    size, bases = 0, []
    for group in groups:
        before = size
        for row in group.cpu().double():
            rest = row
            for _ in range(2):
                rest = rest - spanned[:size].T @ (spanned[:size] @ rest)
            if rest.norm() > DEPENDENT * row.norm():
                spanned[size] = rest / rest.norm()
                size += 1
        bases.append(spanned[before:size].float())
    return bases


def overlaps(vectors: Tensor, basis: Tensor) -> Tensor:
    """Squared length of each unit row's projection on the orthonormal rows: (k,)."""
    shapes.check(vectors=(vectors, "k P"), basis=(basis, "m P"))
    return (vectors @ basis.T).square().sum(dim=1)

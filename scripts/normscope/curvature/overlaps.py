"""Squared overlaps of eigenvectors with spans of gradients of the logits."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from normscope.curvature.subspaces import inner_products, squared_overlaps
from normscope.outputs.names import MOMENTS

SPACES = 200  # placebo spaces
HIGH = 0.95  # the point of their overlaps that counts as high

Column = Float64[np.ndarray, " k"]


def overlap_columns(
    vectors: Float[Tensor, "k P"],
    moments: Sequence[Float[Tensor, "K P"]],
    class_means: Float[Tensor, "K P"],
    placebos: Float[Tensor, "d K P"],
    rng: torch.Generator,
) -> dict[str, Column]:
    """The squared overlap of each unit vector with each span, by its column's name.

    `mean`, `variance`, `third_moment`: what each group of gradients adds to the ones
    before; `total`: all of them; `*_alone`: one group's span; `*_last`: what it adds to
    the other two. `class_mean`: the class means' span. `placebo`, `placebo_high`: mean
    and 95 % point over 200 spaces that have for each output one placebo of its d;
    `placebo_all`, `placebo_all_high`: the same with three. `variance_last_placebo_high`
    and `third_moment_last_placebo_high`: the 95 % point of what such a space, of one
    placebo for each output, adds to the other two moments. Each space by itself has the
    distribution of one with signs of its own, but the spaces share members.
    """
    count, classes = len(placebos), len(class_means)
    groups = [*moments, class_means, *placebos]
    products, gram = inner_products(vectors, groups)
    rows = torch.arange(len(gram)).view(len(groups), classes)

    def overlap(chosen: Int64[Tensor, "..."]) -> Column:
        return squared_overlaps(products, gram, chosen.flatten())

    columns = moment_columns([overlap(rows[list(part)]) for part in PARTS])
    columns["class_mean"] = overlap(rows[3])
    mine = rows[4:]
    # For each space and output, its placebos in random order.
    order = torch.rand(SPACES, classes, count, generator=rng).argsort(dim=-1)
    outputs = torch.arange(classes)
    one, three = (mine[order[..., :n], outputs[:, None]] for n in (1, 3))
    for name, spaces in (("placebo", one), ("placebo_all", three)):
        found = np.stack([overlap(space) for space in spaces])
        columns[name] = found.mean(axis=0)
        columns[f"{name}_high"] = np.quantile(found, HIGH, axis=0)
    for name, others in (("variance", (0, 2)), ("third_moment", (0, 1))):
        kept = rows[list(others)].flatten()
        added = [overlap(torch.cat([kept, space.flatten()])) for space in one]
        more = np.stack(added) - overlap(kept)
        columns[f"{name}_last_placebo_high"] = np.quantile(more, HIGH, axis=0)
    return columns


# Which of the three groups: the first, the first two, all, and so on.
PARTS = ((0,), (0, 1), (0, 1, 2), (1,), (2,), (1, 2), (0, 2))


def moment_columns(found: Sequence[Column]) -> dict[str, Column]:
    """The columns that tell the moments apart, from the overlaps with the PARTS."""
    of = dict(zip(PARTS, found, strict=True))
    everything = of[0, 1, 2]
    in_order = (of[0,], of[0, 1] - of[0,], everything - of[0, 1])
    last = (everything - of[1, 2], everything - of[0, 2], everything - of[0, 1])
    return {
        **dict(zip(MOMENTS, in_order, strict=True)),
        "total": everything,
        "variance_alone": of[1,],
        "third_moment_alone": of[2,],
        **{f"{name}_last": part for name, part in zip(MOMENTS, last, strict=True)},
    }

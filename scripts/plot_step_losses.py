"""Figure 40: how much the loss rises by a step along every direction that was tried."""

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results import steps

KINDS = {
    "random": "random directions",
    "mean": "gradients of mean logits",
    "variance": "gradients of variances",
    "third_moment": "gradients of third central moments",
    "eigenvector": "leading eigenvectors",
}
# What a dot says of its direction, which has the number that counts from 1.
ALONG = {
    "random": "random direction {}",
    "mean": "gradient of the mean of logit {}",
    "variance": "gradient of the variance of logit {}",
    "third_moment": "gradient of the third central moment of logit {}",
    "eigenvector": "v{}",
}
LINEAR = 0.01  # to either side of 0, where the axis is linear
DOT = {"markersize": 4, "alpha": 0.6, "markeredgewidth": 0}
TICKS = [-0.1, -0.01, 0, 0.01, 0.1, 1, 10, 100, 1000]


def main(job):
    table = pd.concat(
        steps.outcomes(paths).assign(network=network)
        for network, paths in steps.by_network(
            job.input.perturbations, job.params.networks
        )
    )
    figure = draw(table, job.params.networks, job.params.roles)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks, roles) -> Figure:
    """A panel per network: a dot per direction and sign, the seeds' median, by kind."""
    colours = drawing.colours(networks)
    kinds = table.index.str.replace(r"(_\d+)?(_minus)?$", "", regex=True)
    before = table[kinds == "none"].set_index("network").loss
    rises = table.loss - table.network.map(before).to_numpy()
    figure, axes = drawing.panels(len(networks), 2, (3.5, 2.7))
    for axis, network in zip(axes, networks, strict=True):
        drawing.draw_network_rows(axis, list(KINDS.values()))
        for row, kind in enumerate(KINDS):
            mine = rises[(table.network == network) & (kinds == kind)]
            for direction, rise in mine.items():
                said = drawing.tip(network, _words(direction), f"{rise:+.2g}")
                axis.plot(rise, row, "o", **DOT, color=colours[network], gid=said)
        axis.set_xscale("symlog", linthresh=LINEAR)
        low, high = np.nanmin(rises[kinds != "none"]), np.nanmax(rises)
        axis.set_xlim(min(1.5 * low, -LINEAR), 1.5 * max(high, LINEAR))
        axis.set_xticks([tick for tick in TICKS if low <= tick <= 1.5 * high])
        axis.set_xticks([], minor=True)
        axis.xaxis.set_major_formatter("{x:g}")
        axis.set_xlabel(
            f"rise of the loss from {before[network]:.2f} (linear up to {LINEAR:g})"
        )
        axis.set_label(network)
        axis.set_title(drawing.label(network))
    highest = rises[kinds == "mean"].groupby(table.network[kinds == "mean"]).max()
    drawing.set_title(
        figure,
        "Largest rise of the loss by a step along the gradient of a mean logit:\n"
        + drawing.of_roles(highest.loc[networks].to_dict(), roles, ".2g"),
    )
    return figure


def _words(direction) -> str:
    """A direction of `steps.outcomes` in words, as in "v3" and "v3 backwards"."""
    kind, number, minus = re.fullmatch(
        r"(\D+?)(?:_(\d+))?(_minus)?", direction
    ).groups()
    # Eigenvectors are counted from 1, all else from 0; the first random one has none.
    count = int(number or 0) + (kind != "eigenvector")
    return ALONG[kind].format(count) + (" backwards" if minus else "")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 40: the loss after a step along every direction that was tried."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from normscope.figures import drawing
from normscope.job import log_to
from normscope.outputs.names import MOMENTS
from normscope.results import steps

KINDS = ("random", *MOMENTS, "eigenvector")


def main(job):
    table = pd.concat(
        steps.outcomes(paths).assign(network=network)
        for network, paths in steps.by_network(
            job.input.perturbations, job.params.networks
        )
    )
    figure = draw(table, job.params.networks)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks) -> Figure:
    """A dot per direction and sign, the seeds' median, by kind and network."""
    colours = drawing.colours(networks)
    kinds = table.index.str.replace(r"(_\d+)?(_minus)?$", "", regex=True)
    figure = Figure((9, 3.8))
    axis = figure.subplots()
    places = (np.arange(len(networks)) + 0.5) * 0.8 / len(networks) - 0.4
    for network, place in zip(networks, places, strict=True):
        mine = table.network == network
        before = table.loss[mine & (kinds == "none")].iloc[0]
        for index, kind in enumerate(KINDS):
            losses = table.loss[mine & (kinds == kind)]
            middle = index + place
            axis.scatter(
                np.full(len(losses), middle), losses, s=12, color=colours[network],
                alpha=0.6, linewidth=0,
            )  # fmt: skip
            ends = middle - 0.07, middle + 0.07
            axis.hlines(before, *ends, color=colours[network], linewidth=2)
    axis.set_xticks(range(len(KINDS)), map(drawing.label, KINDS))
    axis.tick_params(axis="x", length=0)
    axis.grid(axis="x", visible=False)
    axis.set_ylabel("loss after the step (bars: before)")
    dot = {"marker": "o", "linewidth": 0}
    handles = [
        Line2D([], [], color=colours[name], label=drawing.label(name), **dot)
        for name in networks
    ]
    figure.legend(handles=handles, loc="outside right upper")
    highest = table[kinds == "mean"].groupby("network").loss.max().to_dict()
    drawing.set_title(
        figure,
        "Highest loss after a step along a mean gradient, either way:\n"
        + drawing.contrast(highest, ".2f"),
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

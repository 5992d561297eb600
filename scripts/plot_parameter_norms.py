"""Figure 18: the norm of each network's parameter vector."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.runs import collect, medians, networks_of
from normscope.results.training import parameter_norm


def main(job):
    measured = networks_of(job.input.gradients)
    norms = collect(
        measured, lambda each: pd.DataFrame({"norm": [parameter_norm(each)]})
    )
    middle = medians(measured, parameter_norm)
    figure = draw(norms, middle, job.params.networks, job.params.article)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, middle, networks, article) -> Figure:
    """A dot per seed, a row per network, the median in words."""
    colours = drawing.colours(networks)
    figure = Figure((6, 0.34 * len(networks) + 1.1))
    axis = figure.subplots()
    for row, network in enumerate(networks):
        norms = table.norm[table.network == network]
        axis.hlines(row, 0, middle[network], color=colours[network], linewidth=2)
        axis.scatter(norms, np.full(len(norms), row), s=40, color=colours[network])
        axis.text(
            1.01, row, f"{middle[network]:.2f}", va="center",
            transform=axis.get_yaxis_transform(),
        )  # fmt: skip
        if network in article:
            axis.vlines(article[network], row + 0.2, row + 0.42, **drawing.ARTICLE)
    drawing.draw_network_rows(axis, networks)
    axis.set_xlim(left=0)
    axis.set_xlabel("norm of the parameter vector")
    spread = max(middle.values()) / min(middle.values()) - 1
    drawing.set_title(
        figure, f"The norms of the weights differ by {spread:.0%} at most"
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

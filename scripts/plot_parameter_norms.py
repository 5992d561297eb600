"""Figure 18: the norm of each network's parameter vector."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from normscope import drawing, store
from normscope.job import log_to


def main(job):
    table = drawing.collect(job.input.gradients, read)
    figure = draw(table, job.params.networks, job.params.article)
    drawing.save(figure, job.output.svg, job.output.png)


def read(path) -> pd.DataFrame:
    """The parameter norm of a network, in one row."""
    return pd.DataFrame({"norm": [store.attributes(path)["parameter_norm"]]})


def draw(table, networks, article) -> Figure:
    """A dot per seed, a row per network, the median in words."""
    colours = drawing.colours(networks)
    figure = Figure((6, 0.34 * len(networks) + 1.1))
    axis = figure.subplots()
    for row, network in enumerate(networks):
        norms = table.norm[table.network == network]
        axis.hlines(row, 0, norms.median(), color=colours[network], linewidth=2)
        axis.scatter(norms, np.full(len(norms), row), s=40, color=colours[network])
        axis.text(
            1.01, row, f"{norms.median():.2f}", va="center",
            transform=axis.get_yaxis_transform(),
        )  # fmt: skip
        if network in article:
            axis.vlines(article[network], row + 0.2, row + 0.42, **drawing.ARTICLE)
    drawing.draw_network_rows(axis, networks)
    axis.set_xlim(left=0)
    axis.set_xlabel("norm of the parameter vector")
    medians = table.groupby("network").norm.median()
    spread = medians.max() / medians.min() - 1
    drawing.set_title(
        figure, f"The norms of the weights differ by {spread:.0%} at most"
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

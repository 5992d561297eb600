"""Figure 35: the share of each eigenvector in the span of the mean gradients."""

import pandas as pd
from matplotlib.figure import Figure

from normscope import drawing, spectra, store
from normscope.job import log_to


def main(job):
    article = drawing.article_values(job.input.article, "overlaps")
    table = drawing.collect(job.input.overlaps, pd.read_csv)
    classes = len(store.read(job.input.dataset, "test/labels")[1]["classes"])
    figure = draw(table, job.params.networks, classes, article)
    drawing.save(figure, job.output.svg, job.output.png)


def draw(table, networks, classes, article) -> Figure:
    """Bars of the overlap, with its mean before and after the classes - 1 first."""
    means = {network: values["mean"] for network, values in article.items()}
    figure = spectra.draw_overlaps(table, networks, ["mean"], means)
    outliers = classes - 1
    for axis, network in zip(figure.axes, networks, strict=False):
        mine = table[table.network == network]
        first = mine[mine.eigenvector <= outliers]["mean"].mean()
        rest = mine[mine.eigenvector > outliers]["mean"].mean()
        axis.axvline(outliers + 0.5, color="0.4", linewidth=0.8, linestyle=":")
        axis.text(
            0.98,
            0.97,
            f"first {outliers}: {first:.2f}\nrest: {rest:.2f}",
            transform=axis.transAxes,
            ha="right",
            va="top",
            fontsize=8,
        )
        axis.set_ylim(0, 1)
    figure.supylabel("squared overlap", fontsize=9)
    figure.suptitle(
        f"How much of each eigenvector lies in the span of the {classes} gradients of "
        "the outputs' means"
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 36: the share of each eigenvector in the span of each moment's gradients."""

import pandas as pd
from matplotlib.figure import Figure

from normscope import drawing, spectra, store
from normscope.job import log_to


def main(job):
    article = drawing.article_values(job.input.article, "overlaps")
    table = drawing.collect(job.input.overlaps, pd.read_csv)
    drawing.save(
        draw(table, job.params.networks, article), job.output.svg, job.output.png
    )


def draw(table, networks, article) -> Figure:
    """Bars of what each moment adds to the ones below it."""
    totals = {
        network: [sum(parts) for parts in zip(*values.values(), strict=True)]
        for network, values in article.items()
    }
    figure = spectra.draw_overlaps(table, networks, store.MOMENTS, totals)
    figure.axes[0].set_ylim(0, 1)
    figure.supylabel("squared overlap", fontsize=9)
    figure.suptitle(
        "What each moment's gradients add to the share explained", x=0.01, ha="left"
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

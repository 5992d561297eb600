"""Figure 36: the share of each eigenvector in the span of each moment's gradients."""

from matplotlib.figure import Figure

from normscope import drawing, spectra, store, tables
from normscope.job import log_to


def main(job):
    table = drawing.collect(job.input.overlaps, tables.read)
    classes = len(store.attributes(job.input.dataset)["classes"])
    figure = draw(table, job.params.networks, classes, job.params.article)
    drawing.save(figure, job.output.svg, job.output.png)


def draw(table, networks, classes, article) -> Figure:
    """Bars of what each moment adds to the ones below it."""
    totals = {
        network: [sum(parts) for parts in zip(*values.values(), strict=True)]
        for network, values in article.items()
    }
    figure = spectra.draw_overlaps(table, networks, store.MOMENTS, totals)
    figure.axes[0].set_ylim(0, 1)
    figure.supylabel("squared overlap", fontsize=9)
    outliers = min(classes - 1, table.eigenvector.max())
    explained = spectra.average_share(table, "total", outliers)
    drawing.set_title(
        figure,
        f"The first {outliers} eigenvectors' share that the three moments explain:\n"
        + drawing.contrast(explained, ".0%"),
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

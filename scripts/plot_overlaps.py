"""Figure 36: the share of each eigenvector in the span of each moment's gradients."""

from matplotlib.figure import Figure

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.outputs.names import MOMENTS
from normscope.results.overlaps import overlaps
from normscope.results.runs import collect, networks_of


def main(job):
    networks = networks_of(job.input.overlaps)
    table = collect(networks, overlaps)
    outliers = min(networks[0].classes - 1, table.eigenvector.max())
    explained = spectra.means_of_first(table, "total", outliers)
    figure = draw(table, outliers, explained, job.params.networks, job.params.article)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, outliers, explained, networks, article) -> Figure:
    """Bars of what each moment adds to the ones below it."""
    totals = {
        network: [sum(parts) for parts in zip(*values.values(), strict=True)]
        for network, values in article.items()
    }
    placebo = ["placebo_all_high"]
    figure = spectra.draw_overlaps(table, networks, MOMENTS, totals, placebo)
    figure.axes[0].set_ylim(0, 1)
    figure.supylabel("squared overlap", fontsize=9)
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

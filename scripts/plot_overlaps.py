"""Figure 36: squared overlaps of eigenvectors with the gradients of all moments."""

from matplotlib.figure import Figure

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.outputs.names import MOMENTS
from normscope.results.overlaps import overlaps
from normscope.results.runs import collect, networks_of


def main(job):
    networks = networks_of(job.input.overlaps)
    table = collect(networks, overlaps)
    outliers = min(networks[0].classes - 1, int(table.eigenvector.max()))
    first = spectra.means_of_first(table, "total", outliers)
    title = (
        f"Mean squared overlap of the first {outliers} eigenvectors with the gradients "
        f"of the logits' moments:\n{drawing.of_roles(first, job.params.roles, '.2f')}"
    )
    figure = draw(table, job.params.networks, title, job.params.article)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks, title, article) -> Figure:
    """Bars of what each moment adds to the ones below it."""
    totals = {
        network: [sum(parts) for parts in zip(*values.values(), strict=True)]
        for network, values in article.items()
    }
    placebo = ["placebo_all_high"]
    figure = spectra.draw_overlaps(table, networks, MOMENTS, totals, placebo)
    for axis in figure.axes:
        axis.set_ylim(0, 1)
    drawing.set_title(figure, title)
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 37: each eigenvalue, split by the moments that explain its eigenvector."""

from matplotlib.figure import Figure

from normscope import drawing, spectra, store, tables
from normscope.job import log_to


def main(job):
    table = drawing.collect(job.input.overlaps, tables.read)
    figure = draw(table, job.params.networks, job.params.article)
    drawing.save(figure, job.output.svg, job.output.png)


def draw(table, networks, article) -> Figure:
    """Bars as long as the eigenvalue, unexplained parts outlined on top."""
    parts = [*store.MOMENTS, "other"]
    scaled = table.assign(other=1 - table.total)
    scaled[parts] = scaled[parts].mul(table.eigenvalue, axis=0)
    figure = spectra.draw_overlaps(scaled, networks, parts, article)
    figure.supylabel("eigenvalue x squared overlap", fontsize=9)
    left = scaled.groupby(["network", "seed"]).other.max().groupby("network").median()
    drawing.set_title(
        figure,
        "The most curvature along one eigenvector that no moment explains:\n"
        + drawing.contrast(left.to_dict(), ".3g"),
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 37: each eigenvalue, split by the moments that explain its eigenvector."""

from matplotlib.figure import Figure

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.outputs.names import MOMENTS
from normscope.results.overlaps import overlaps
from normscope.results.runs import Network, collect, medians, networks_of


def main(job):
    networks = networks_of(job.input.overlaps)
    table = collect(networks, overlaps)
    left = medians(networks, most_left)
    title = (
        "Most curvature along one eigenvector that no moment explains:\n"
        f"{drawing.of_roles(left, job.params.roles, '.2g')}"
    )
    figure = draw(table, job.params.networks, title, job.params.article)
    drawing.save(figure, *job.output.svg, *job.output.png)


def most_left(network: Network) -> float:
    """Most curvature along one of its eigenvectors found that no moment explains."""
    table = overlaps(network)
    return float((table.eigenvalue * (1 - table.total)).max())


def draw(table, networks, title, article) -> Figure:
    """Bars as long as the eigenvalue, unexplained parts outlined on top."""
    parts = [*MOMENTS, "other"]
    scaled = table.assign(other=1 - table.total)
    scaled[parts] = scaled[parts].mul(table.eigenvalue, axis=0)
    figure = spectra.draw_overlaps(
        scaled, networks, parts, article, quantity="λ x squared overlap"
    )
    drawing.set_title(figure, title)
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

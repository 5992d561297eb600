"""Figure 37: each eigenvalue, split by the moments that explain its eigenvector."""

from matplotlib.figure import Figure

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.outputs.names import MOMENTS
from normscope.results.overlaps import is_most_left_at_last, most_left, overlaps
from normscope.results.runs import collect, medians, networks_of
from normscope.results.training import parameter_norm


def main(job):
    networks = networks_of(job.input.overlaps)
    table = collect(networks, overlaps)
    left = medians(networks, most_left)
    scaled = medians(networks, lambda each: most_left(each) * parameter_norm(each) ** 2)
    bounds = {each.name for each in networks if is_most_left_at_last(each)}
    words = {
        name: f"{'at least ' if name in bounds else ''}{left[name]:.2g} "
        f"(scaled {scaled[name]:,.0f})"
        for name in left
    }
    title = (
        "Most curvature along one eigenvector that no moment explains:\n"
        f"{drawing.of_roles(words, job.params.roles)}"
    )
    figure = draw(table, job.params.networks, title, job.params.article)
    drawing.save(figure, *job.output.svg, *job.output.png)


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

"""Figure 31: the leading eigenvalues of the Hessian, a row per network."""

from matplotlib.figure import Figure

from normscope.figures import drawing, spectra
from normscope.figures.stability import draw_limits
from normscope.job import log_to
from normscope.results.curvature import eigenvalues, largest_eigenvalue
from normscope.results.runs import collect, medians, networks_of


def main(job):
    networks = networks_of(job.input.eigenpairs)
    table = collect(networks, lambda each: spectra.numbered(eigenvalues(each)))
    largest = medians(networks, largest_eigenvalue)
    title = f"Largest curvature: {drawing.of_roles(largest, job.params.roles, '.2g')}"
    figure = draw(
        table, title, job.params.rates, job.params.momentum, job.params.article
    )
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, title, rates, momentum, article) -> Figure:
    """The eigenvalues of each network of `rates`, and the limits that they set."""
    figure = Figure((drawing.WIDEST, 0.5 * len(rates) + 1.9))
    colours = drawing.colours([*rates])
    draw_limits(figure.subplots(), table, colours, rates, momentum, article)
    drawing.set_title(figure, title)
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

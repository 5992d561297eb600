"""Figure 31: the leading eigenvalues of the Hessian, a row per network."""

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.results.curvature import eigenvalues, largest_eigenvalue
from normscope.results.runs import collect, medians, networks_of


def main(job):
    networks = networks_of(job.input.eigenpairs)
    table = collect(networks, lambda each: spectra.numbered(eigenvalues(each)))
    largest = medians(networks, largest_eigenvalue)
    figure = draw(table, largest, job.params.networks, job.params.article)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, largest, networks, article) -> Figure:
    """Linear and logarithmic strip of the eigenvalues in `table`."""
    figure = Figure((9, 0.42 * len(networks) + 1.4))
    linear, logarithmic = figure.subplots(1, 2, sharey=True)
    logarithmic.set_xscale("log")
    for axis in (linear, logarithmic):
        spectra.draw_strip(axis, table, networks, article)
    magnitudes = table.eigenvalue.abs()
    is_narrow = magnitudes.max() < 100 * magnitudes.min()
    ticks = LogLocator(subs=(1, 2, 5) if is_narrow else (1,))
    logarithmic.xaxis.set_major_locator(ticks)
    logarithmic.xaxis.set_major_formatter("{x:g}")
    logarithmic.xaxis.set_minor_formatter(NullFormatter())
    linear.set_xlabel("eigenvalue (of the mean loss)")
    logarithmic.set_xlabel("its magnitude, on a log scale (hollow: negative)")
    drawing.set_title(figure, f"Largest curvature: {drawing.contrast(largest, '.3g')}")
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 31: the leading eigenvalues of the Hessian, a row per network."""

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from normscope import drawing, spectra
from normscope.job import log_to


def main(job):
    table = drawing.collect(job.input.eigenpairs, spectra.read_eigenvalues)
    figure = draw(table, job.params.networks, job.params.article)
    drawing.save(figure, job.output.svg, job.output.png)


def draw(table, networks, article) -> Figure:
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
    largest = drawing.contrast(spectra.largest(table, networks), ".3g")
    drawing.set_title(figure, f"Largest curvature: {largest}")
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

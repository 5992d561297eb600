"""Figure 31: the leading eigenvalues of the Hessian, a row per network."""

from matplotlib.figure import Figure

from normscope import drawing, spectra
from normscope.job import log_to


def main(job):
    article = drawing.article_values(job.input.article, "eigenvalues")
    table = drawing.collect(job.input.eigenpairs, spectra.read_eigenvalues)
    drawing.save(
        draw(table, job.params.networks, article), job.output.svg, job.output.png
    )


def draw(table, networks, article) -> Figure:
    """Linear and logarithmic strip of the eigenvalues in `table`."""
    figure = Figure((9, 0.42 * len(networks) + 1.4))
    linear, logarithmic = figure.subplots(1, 2, sharey=True)
    logarithmic.set_xscale("log")
    for axis in (linear, logarithmic):
        spectra.draw_strip(axis, table, networks, article)
    linear.set_xlabel("eigenvalue (of the mean loss)")
    logarithmic.set_xlabel("its magnitude, on a log scale (hollow: negative)")
    top = {network: spectra.largest(table, network) for network in networks}
    steepest, flattest = max(top, key=top.get), min(top, key=top.get)
    figure.suptitle(
        f"Largest curvature: {top[steepest]:.3g} with {drawing.label(steepest)}, "
        f"{top[flattest]:.3g} with {drawing.label(flattest)}"
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 38: the leading eigenvalues before and after projecting off the moments."""

from matplotlib.figure import Figure

from normscope import drawing, spectra
from normscope.job import log_to


def main(job):
    tables = {
        "Hessian": (
            drawing.collect(job.input.eigenpairs, spectra.read_eigenvalues),
            job.params.article,
        ),
        "Hessian off the gradients of all three moments": (
            drawing.collect(job.input.projected, spectra.read_eigenvalues),
            job.params.projected_article,
        ),
    }
    figure = draw(tables, job.params.networks)
    drawing.save(figure, job.output.svg, job.output.png)


def draw(tables, networks) -> Figure:
    """A strip for each title, of its table and the article's values."""
    figure = Figure((7.5, 2 * (0.36 * len(networks) + 0.7)))
    axes = figure.subplots(len(tables), 1, sharex=True)
    for axis, (title, (table, article)) in zip(axes, tables.items(), strict=True):
        spectra.draw_strip(axis, table, networks, article)
        axis.set_title(title, loc="left")
    axes[-1].set_xlabel("eigenvalue (of the mean loss)")
    before, after = (spectra.largest(table, networks) for table, _ in tables.values())
    left = {network: after[network] / before[network] for network in networks}
    drawing.set_title(
        figure,
        "Curvature left without the moments' directions:\n"
        + drawing.contrast(left, ".0%"),
    )
    drawing.note_article(figure, [values for _, values in tables.values() if values])
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

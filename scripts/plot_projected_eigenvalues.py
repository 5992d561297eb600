"""Figure 38: the leading eigenvalues, whole and with moments projected out."""

from matplotlib.figure import Figure

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.results.curvature import (
    eigenvalues,
    eigenvalues_off_means,
    largest_eigenvalue,
    largest_projected_eigenvalue,
    projected_eigenvalues,
)
from normscope.results.runs import collect, medians, networks_of


def main(job):
    networks = networks_of(job.input.eigenpairs)

    def table(read_values):
        return collect(networks, lambda each: spectra.numbered(read_values(each)))

    tables = {
        "Hessian": (table(eigenvalues), job.params.article),
        "Hessian off the gradients of the means": (table(eigenvalues_off_means), {}),
        "Hessian off the gradients of all three moments": (
            table(projected_eigenvalues),
            job.params.projected_article,
        ),
    }
    left = medians(
        networks,
        lambda each: largest_projected_eigenvalue(each) / largest_eigenvalue(each),
    )
    figure = draw(tables, left, job.params.networks)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(tables, left, networks) -> Figure:
    """A strip for each title, of its table and the article's values."""
    figure = Figure((7.5, len(tables) * (0.36 * len(networks) + 0.7)))
    axes = figure.subplots(len(tables), 1, sharex=True)
    for axis, (title, (table, article)) in zip(axes, tables.items(), strict=True):
        spectra.draw_strip(axis, table, networks, article)
        shown = table.eigenvector.max()
        axis.set_title(f"{title}: the {shown} leading eigenvalues", loc="left")
    axes[-1].set_xlabel("eigenvalue (of the mean loss)")
    drawing.set_title(
        figure,
        "Largest curvature left without all moments' directions:\n"
        + drawing.contrast(left, ".0%"),
    )
    drawing.note_article(figure, [values for _, values in tables.values() if values])
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

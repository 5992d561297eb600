"""Figure 38: the leading eigenvalues before and after projecting off the moments."""

from matplotlib.figure import Figure

from normscope import drawing, spectra
from normscope.job import log_to


def main(job):
    path = job.input.article
    networks = job.params.networks
    figure = draw(
        {
            "Hessian": (
                drawing.collect(job.input.eigenpairs, spectra.read_eigenvalues),
                drawing.article_values(path, "eigenvalues"),
            ),
            "Hessian off the gradients of all three moments": (
                drawing.collect(job.input.projected, spectra.read_eigenvalues),
                drawing.article_values(path, "projected_eigenvalues"),
            ),
        },
        networks,
    )
    drawing.save(figure, job.output.svg, job.output.png)


def draw(tables, networks) -> Figure:
    """A strip for each title, of its table and the article's values."""
    figure = Figure((7.5, 2 * (0.36 * len(networks) + 0.7)))
    axes = figure.subplots(len(tables), 1, sharex=True)
    for axis, (title, (table, article)) in zip(axes, tables.items(), strict=True):
        spectra.draw_strip(axis, table, networks, article)
        axis.set_title(title, loc="left")
    axes[-1].set_xlabel("eigenvalue (of the mean loss)")
    before, after = (table for table, _ in tables.values())
    left = {
        network: spectra.largest(after, network) / spectra.largest(before, network)
        for network in networks
    }
    least, most = min(left, key=left.get), max(left, key=left.get)
    figure.suptitle(
        "Without the moments' directions the largest curvature is "
        f"{left[least]:.0%} with {drawing.label(least)},\n"
        f"{left[most]:.0%} with {drawing.label(most)}, of what it was"
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

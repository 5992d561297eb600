"""Figure 35: squared overlaps of eigenvectors with the gradients of the mean logits."""

from matplotlib.figure import Figure

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.results.overlaps import LATER, overlaps
from normscope.results.runs import collect, networks_of


def main(job):
    networks = networks_of(job.input.overlaps)
    table = collect(networks, overlaps)
    outliers = min(networks[0].classes - 1, int(table.eigenvector.max()))
    first = spectra.means_of_first(table, "mean", outliers)
    title = (
        f"Mean squared overlap of the first {outliers} eigenvectors with the gradients "
        f"of the mean logits:\n{drawing.of_roles(first, job.params.roles, '.2f')}"
    )
    figure = draw(
        table, outliers, first, job.params.networks, title, job.params.article
    )
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, outliers, first, networks, title, article) -> Figure:
    """Bars of the overlap, with its mean over the first ones and over the next, and the
    overlaps with two rival spaces.
    """
    means = {network: values["mean"] for network, values in article.items()}
    rivals = ["placebo_high", "class_mean"]
    figure = spectra.draw_overlaps(table, networks, ["mean"], means, rivals)
    others = table[table.eigenvector > outliers]
    later = spectra.means_of_first(others, "mean", outliers + LATER)
    for axis, network in zip(figure.axes, networks, strict=False):
        text = f"first {outliers}: {first[network]:.2f}"
        if network in later:
            axis.axvline(outliers + 0.5, color="0.5", linewidth=0.8, linestyle=":")
            text += f"\nnext {LATER}: {later[network]:.2f}"
        axis.text(
            0.98, 0.97, text, ha="right", va="top", fontsize=drawing.SMALL,
            transform=axis.transAxes,
        )  # fmt: skip
        axis.set_ylim(0, 1)
    drawing.set_title(figure, title)
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 35: the share of each eigenvector in the span of the mean gradients."""

from matplotlib.figure import Figure

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.results.overlaps import overlaps
from normscope.results.runs import collect, networks_of


def main(job):
    networks = networks_of(job.input.overlaps)
    table = collect(networks, overlaps)
    outliers = min(networks[0].classes - 1, table.eigenvector.max())
    first = spectra.means_of_first(table, "mean", outliers)
    figure = draw(table, outliers, first, job.params.networks, job.params.article)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, outliers, first, networks, article) -> Figure:
    """Bars of the overlap, with its mean over the first ones and over the rest, and the
    overlaps with two rival spaces.
    """
    means = {network: values["mean"] for network, values in article.items()}
    rivals = ["placebo_high", "class_mean"]
    figure = spectra.draw_overlaps(table, networks, ["mean"], means, rivals)
    rest = table[table.eigenvector > outliers].groupby("network")["mean"].mean()
    for axis, network in zip(figure.axes, networks, strict=False):
        text = f"first {outliers}: {first[network]:.2f}"
        if network in rest:
            axis.axvline(outliers + 0.5, color="0.4", linewidth=0.8, linestyle=":")
            text += f"\nrest: {rest[network]:.2f}"
        axis.text(
            0.98, 0.97, text, ha="right", va="top", fontsize=8,
            transform=axis.transAxes,
        )  # fmt: skip
        axis.set_ylim(0, 1)
    figure.supylabel("squared overlap", fontsize=9)
    drawing.set_title(
        figure,
        f"The first {outliers} eigenvectors' share in the span of the outputs' mean "
        f"gradients:\n{drawing.contrast(first, '.0%')}",
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

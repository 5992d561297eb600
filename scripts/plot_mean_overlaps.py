"""Figure 35: the share of each eigenvector in the span of the mean gradients."""

from matplotlib.figure import Figure

from normscope import drawing, spectra, store, tables
from normscope.job import log_to


def main(job):
    table = drawing.collect(job.input.overlaps, tables.read)
    classes = len(store.attributes(job.input.dataset)["classes"])
    figure = draw(table, job.params.networks, classes, job.params.article)
    drawing.save(figure, job.output.svg, job.output.png)


def draw(table, networks, classes, article) -> Figure:
    """Bars of the overlap, with its mean over the classes - 1 first and the rest."""
    means = {network: values["mean"] for network, values in article.items()}
    figure = spectra.draw_overlaps(table, networks, ["mean"], means)
    outliers = min(classes - 1, table.eigenvector.max())
    first = spectra.average_share(table, "mean", outliers)
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

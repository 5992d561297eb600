"""Figure 56: learning rate times curvature on the way through training."""

from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.figures.by_epoch import draw_by_epoch, number_decimals, positive
from normscope.job import log_to
from normscope.results.paths import largest, path
from normscope.results.runs import collect, networks_of

# Column, what stands at its axis, and whether the limit is drawn there.
PANELS = {
    "product": ("rate x largest eigenvalue", True),
    "sharpness": ("rate x batch sharpness", True),
    "learning_rate": ("learning rate", False),
    "critical_length": ("critical relative length", False),
}


def main(job):
    table = collect(networks_of(job.input.path), lambda each: path(each).reset_index())
    table = table.assign(
        product=table.learning_rate * largest(table),
        sharpness=table.learning_rate * table.batch_sharpness,
    )
    later = table[(table.epoch > 0) & (table.learning_rate > 0)]
    products = later.groupby("network")["product"].median()
    title = (
        "Learning rate times largest eigenvalue, the median over training: "
        f"{drawing.of_roles(dict(products), job.params.roles, '.2g')}"
    )
    figure = draw(table, job.params.networks, title)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks, title) -> Figure:
    """A panel for each of PANELS, a line for each network."""
    figure, axes = drawing.panels(len(PANELS), 2, (drawing.WIDEST, 2.6))
    colours = drawing.colours(networks)
    limit = table.limit.iloc[0]
    for axis, (column, (label, is_limited)) in zip(axes, PANELS.items(), strict=True):
        axis.set_label(label)
        draw_by_epoch(axis, positive(table, column), column, colours)
        if is_limited:
            axis.axhline(limit, color="0.3", linestyle="--", linewidth=0.9, zorder=1)
        axis.set(yscale="log", ylabel=label)
        number_decimals(axis.yaxis)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower left",
        fontsize=drawing.SMALL, alignment="left", title_fontsize=drawing.SMALL,
        title=f"dashed: {limit:.3g}, beyond which full-batch steps are unstable",
    )  # fmt: skip
    drawing.set_title(figure, title)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

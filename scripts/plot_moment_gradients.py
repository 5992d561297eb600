"""Figure 57: how strongly weights move the logits' moments, by epoch."""

from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.figures.by_epoch import draw_by_epoch, number_decimals, positive
from normscope.job import log_to
from normscope.outputs.names import MOMENTS
from normscope.results.paths import path
from normscope.results.runs import collect, networks_of

WORDS = {"mean": "mean", "variance": "variance", "third_moment": "third moment"}


def main(job):
    table = collect(networks_of(job.input.path), lambda each: path(each).reset_index())
    scaled = {
        name: table[f"{name}_gradient"] * table.parameter_norm**2 for name in MOMENTS
    }
    table = table.assign(**scaled)
    last = table[table.epoch == table.epoch.max()].groupby("network")["mean"].median()
    title = (
        "Scaled squared gradient of a mean logit at the last checkpoint: "
        f"{drawing.of_roles(dict(last), job.params.roles, ',.0f')}"
    )
    figure = draw(table, job.params.networks, title)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks, title) -> Figure:
    """A panel for each moment, a line for each network."""
    figure, axes = drawing.panels(len(MOMENTS), 3, (drawing.WIDEST - 0.2, 2.7))
    colours = drawing.colours(networks)
    for axis, moment in zip(axes, MOMENTS, strict=True):
        axis.set_label(WORDS[moment])
        draw_by_epoch(axis, positive(table, moment), moment, colours)
        axis.set(yscale="log", ylabel=f"{WORDS[moment]}: ||w||² ||g||²")
        number_decimals(axis.yaxis)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower left",
        fontsize=drawing.SMALL,
    )  # fmt: skip
    drawing.set_title(figure, title)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

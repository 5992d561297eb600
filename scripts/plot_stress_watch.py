"""Figure 59: curvature in the stress test until its loss breaks away."""

import numpy as np
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.figures.by_epoch import number_decimals
from normscope.job import log_to
from normscope.results.interventions import stress_watch
from normscope.results.runs import collect, networks_of

ROWS = {
    "product": "rate x largest eigenvalue",
    "update_cosine": "|cosine| of step and v1",
    "loss": "loss",
}


def main(job):
    table = collect(networks_of(job.input.watch), stress_watch)
    table = table.assign(product=table.learning_rate * table.lambda_1)
    table = table[np.isfinite(table.broken_at)]  # of seeds at which it breaks away
    title = "The loss of the stress test breaks away at no seed"
    if len(table):
        crossed = drawing.percent((table["product"] > table.limit).mean())
        title = (
            "Learning rate times largest eigenvalue is above its limit at "
            f"{crossed} of the looks before the loss breaks away"
        )
    drawing.save(draw(table, title), *job.output.svg, *job.output.png)


def draw(table, title) -> Figure:
    """A panel for each of ROWS, by the steps that are left; a line for each seed."""
    limits = table.limit.unique()
    beyond = ", ".join(f"{limit:.3g}" for limit in limits) or "the limit"
    figure, axes = drawing.panels(len(ROWS), 3, (drawing.WIDEST, 2.6))
    for axis, (column, label) in zip(axes, ROWS.items(), strict=True):
        axis.set_label(label)
        for number, (seed, mine) in enumerate(table.groupby("seed")):
            left = mine.broken_at - mine.step
            shown = (
                mine[column].where(mine[column] > 0) if column != "loss" else mine.loss
            )
            axis.plot(
                left, shown, color=drawing.PALETTE[number % len(drawing.PALETTE)],
                marker="o", markersize=2.5, linewidth=0.9, label=f"seed {seed}",
            )  # fmt: skip
        axis.set_xscale("log")
        axis.invert_xaxis()
        number_decimals(axis.xaxis)
        axis.set(xlabel="steps until the loss breaks away", ylabel=label)
    for limit in limits:
        axes[0].axhline(limit, color="0.3", linestyle="--", linewidth=0.9, zorder=1)
    axes[0].set_yscale("log")
    number_decimals(axes[0].yaxis)
    axes[1].set_ylim(0, 1)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower left",
        fontsize=drawing.SMALL, ncols=3, alignment="left",
        title=f"dashed: {beyond}, beyond which full-batch steps are unstable",
        title_fontsize=drawing.SMALL,
    )  # fmt: skip
    drawing.set_title(figure, title)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

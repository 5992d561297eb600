"""Figure 58: how means and curvature come back where frozen networks are trained on."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from normscope.figures import drawing
from normscope.figures.by_epoch import number_decimals
from normscope.job import log_to
from normscope.results.interventions import curvature_rise_below_limit, trained_on
from normscope.results.runs import collect, medians, networks_of

BROKEN = 1.5  # times the loss at the start; what comes after would set the axes
ROWS = {
    "inner_mean": "inner means / deviations",
    "lambda_1": "largest eigenvalue",
    "mean_gradient": "squared mean gradient",
    "loss": "loss",
}


def main(job):
    networks = networks_of(job.input.path)
    rises = medians(networks, curvature_rise_below_limit)
    title = (
        "Below the limit the largest eigenvalue comes to at most, over its start: "
        + drawing.of_roles(rises, job.params.roles, ".2f", ("frozen", "frozen_post"))
    )
    table = before_breaking(collect(networks, trained_on))
    names = [name for name in job.params.networks if name in set(table.network)]
    drawing.save(draw(table, names, title), *job.output.svg, *job.output.png)


def before_breaking(table: pd.DataFrame) -> pd.DataFrame:
    """The looks of each seed and rate until the loss is BROKEN times its start."""
    runs = ["network", "seed", "factor"]
    start = table.groupby(runs).loss.transform("first")
    broken = ~(table.loss <= BROKEN * start)
    later = broken.groupby([table[key] for key in runs]).cummax()
    return table[~later]


def draw(table, names, title) -> Figure:
    """A column for each network, a row for each of ROWS, a line for each rate."""
    size = (drawing.WIDEST, 2.1)
    figure, axes = drawing.panels(len(ROWS) * len(names), len(names), size)
    factors, looks = sorted(table.factor.unique()), sorted(table.step.unique())
    places = np.linspace(0, 0.9, len(factors))
    shades = [to_hex(colour) for colour in colormaps["viridis"](places)]
    for place, axis in enumerate(axes):
        row, column = divmod(place, len(names))
        quantity, name = [*ROWS][row], names[column]
        axis.set_label(f"{ROWS[quantity]}, {drawing.label(name)}")
        axis.set_title(drawing.label(name))
        for factor, shade in zip(factors, shades, strict=True):
            mine = table[(table.network == name) & (table.factor == factor)]
            mine = mine[np.isfinite(mine[quantity]) & (mine[quantity] > 0)]
            by_step = mine.groupby("step")[quantity]
            middle, label = by_step.median(), f"{factor:g}"
            drawing.draw_band(
                axis, middle, by_step.min(), by_step.max(), shade, label=label
            )
        axis.set(yscale="log", xlabel="step", ylabel=ROWS[quantity])
        axis.set_xscale("symlog", linthresh=3)
        number_decimals(axis.yaxis)
        axis.set_xticks(looks, looks)
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlim(left=-0.4)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower left",
        fontsize=drawing.SMALL, ncols=3, alignment="left",
        title="learning rate, over the highest that\ncurvature allows at the start",
        title_fontsize=drawing.SMALL,
    )  # fmt: skip
    drawing.set_title(figure, title)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 55: where training breaks, beside where curvature says so."""

import numpy as np
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.figures.by_epoch import number_decimals
from normscope.job import log_to
from normscope.results.breaking import SMALL, WHOLE, onset_to_predicted, stability
from normscope.results.runs import collect, medians, networks_of

PARTS = {
    "mean": "means",
    "all": "all moments",
    "placebo": "placebos",
}


def main(job):
    networks = networks_of(job.input.stability)
    table = collect(networks, lambda each: stability(each).reset_index())
    ratios = medians(networks, onset_to_predicted)
    title = (
        "Lowest learning rate at which the loss rises, over that which curvature "
        f"predicts: {drawing.of_roles(ratios, job.params.roles, '.2g')}"
    )
    figure = draw(table, job.params.networks, title)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks, title) -> Figure:
    """Predicted and measured rates of whole steps, and where parts were taken off
    steps, how far each part moves the rate.
    """
    colours = drawing.colours(networks)
    shown = {name: colours[name] for name in networks if name in set(table.network)}
    parts = table[~table.removed.isin([WHOLE, SMALL])]
    rows = [name for name in shown if name in set(parts.network)]
    heights = [3.9, 0.5 * len(rows) + 1.0] if rows else [3.9]
    figure = Figure((drawing.WIDEST, sum(heights) + 0.19 * len(shown) + 0.6))
    axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    draw_rates(axes[0], table[table.removed.isin([WHOLE, SMALL])], shown)
    if rows:
        draw_gains(axes[1], table, rows, shown)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower left",
        fontsize=drawing.SMALL, alignment="left", title_fontsize=drawing.SMALL,
        title="o: the loss rises by a tenth; x: it does not come back;\n"
        "hollow: it rises, with small batches;\n"
        "line: as predicted; band: within a factor of two",
    )  # fmt: skip
    drawing.set_title(figure, title)
    return figure


def draw_rates(axis, table, colours) -> None:
    """A mark for each network and seed: predicted against measured rates."""
    axis.set_label("predicted and measured rates")
    values = table[["predicted", "onset", "breaking"]].to_numpy()
    finite = values[np.isfinite(values) & (values > 0)]
    ends = np.array([finite.min() / 1.6, finite.max() * 1.6])
    axis.plot(ends, ends, color="0.4", linewidth=0.9, zorder=1)
    axis.fill_between(ends, ends / 2, 2 * ends, color="0.9", zorder=0, linewidth=0)
    axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    for network, colour in colours.items():
        mine = table[table.network == network]
        axis.plot([], [], "o", color=colour, markersize=5, label=drawing.label(network))
        for removed, column, words, style in (
            (WHOLE, "breaking", "breaking", {"marker": "x", "color": colour}),
            (WHOLE, "onset", "onset", {"color": colour}),
            (
                SMALL, "onset", "onset with small batches",
                {"facecolors": "none", "edgecolors": colour},
            ),
        ):  # fmt: skip
            some = mine[(mine.removed == removed) & np.isfinite(mine[column])]
            for row in some.itertuples():
                value = getattr(row, column)
                said = drawing.tip(network, f"{words}, seed {row.seed}", f"{value:.3g}")
                axis.scatter(
                    row.predicted, value, s=26, zorder=4, linewidths=1.2, gid=said,
                    **style,
                )  # fmt: skip
    axis.set(
        xlabel="2 (1 + µ) / ((1 + 2µ) λ), by the largest eigenvalue",
        ylabel="learning rate at which training breaks",
    )
    for each in (axis.xaxis, axis.yaxis):
        number_decimals(each)


def draw_gains(axis, table, rows, colours) -> None:
    """For each network by how much the rate moves with parts of the steps removed;
    black: by how much it should, by the largest eigenvalue that is left.
    """
    axis.set_label("without parts of the steps")
    axis.set_xscale("log")
    axis.axvline(1, color="0.5", linewidth=0.9, zorder=1)
    places = {part: 0.2 * number - 0.12 for number, part in enumerate(PARTS)}
    for row, network in enumerate(rows):
        mine = table[table.network == network].set_index(["seed", "removed"])
        for (seed, removed), values in mine.iterrows():
            part, _, how = removed.partition("_")
            whole = mine.loc[(seed, WHOLE)]
            gain = values.onset / whole.onset
            if part not in PARTS or not np.isfinite(gain):
                continue
            said = f"without {PARTS[part]}, {how}, seed {seed}"
            axis.scatter(
                gain, row + places[part], s=24, color=colours[network], zorder=4,
                facecolors="none" if how == "renewed" else colours[network],
                gid=drawing.tip(network, said, f"{gain:.3g} times"),
            )  # fmt: skip
            axis.scatter(
                values.predicted / whole.predicted, row + places[part], marker="|",
                s=60, color="black", zorder=5,
            )  # fmt: skip
        for part, place in places.items():
            axis.text(
                1.01, row + place, PARTS[part], va="center", fontsize=drawing.SMALL,
                transform=axis.get_yaxis_transform(),
            )  # fmt: skip
    drawing.draw_network_rows(axis, [*map(drawing.label, rows)])
    number_decimals(axis.xaxis)
    axis.set_xlabel(
        "factor of that rate with parts of the steps removed\n"
        "(hollow: renewed every few steps; black: predicted)"
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

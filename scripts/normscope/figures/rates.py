"""Training accuracy by learning rate, and where networks diverge."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from normscope.figures import drawing

EXPLAINED = "x: the loss was not finite; dashed: chance"


def draw_accuracies(
    table: pd.DataFrame, networks: Sequence[str], title: str, classes: int
) -> Figure:
    """A figure of the training accuracies in `table` by learning rate."""
    colours = drawing.colours(networks)
    shown = {name: colours[name] for name in networks if name in set(table.network)}
    figure = Figure((drawing.WIDEST, 3.6 + 0.17 * len(shown)))
    draw_accuracy(figure.subplots(), table, shown, classes)
    figure.legend(
        loc="outside lower left", fontsize=drawing.SMALL, alignment="left",
        title=EXPLAINED, title_fontsize=drawing.SMALL,
    )  # fmt: skip
    drawing.set_title(figure, title)
    return figure


def draw_accuracy(
    axis: Axes, table: pd.DataFrame, colours: Mapping[str, str], classes: int
) -> None:
    """Medians over seeds as lines, the seeds' range as a band; crosses on the axis
    where a network of `colours` diverged at some seed, a dashed line at chance.
    """
    axis.set_label("accuracy by learning rate")
    axis.axhline(1 / classes, color="0.5", linestyle="--", linewidth=0.9, zorder=1)
    for network, colour in colours.items():
        mine = table[table.network == network]
        _draw_network(axis, mine, drawing.label(network), colour)
    axis.set(xlabel="learning rate", ylabel="training accuracy", xscale="log")
    axis.set_ylim(0, 1)


def _draw_network(axis: Axes, table: pd.DataFrame, label: str, colour: str) -> None:
    finite = table[~table.diverged]
    by_rate = finite.groupby("learning_rate").train_accuracy
    middle = by_rate.median()[by_rate.count() == table.seed.nunique()]
    low, high = (by_rate.agg(end)[middle.index] for end in ("min", "max"))
    drawing.draw_band(axis, middle, low, high, colour, label=label)
    points = [(rate, value, f"{value:.2g}") for rate, value in middle.items()]
    broken = table[table.diverged].learning_rate.unique()
    points += [(rate, 0, "diverged") for rate in broken]
    for rate, value, said in points:
        axis.scatter(
            rate, value, marker="x" if said == "diverged" else "o", s=30, color=colour,
            clip_on=False, zorder=5, gid=drawing.tip(label, f"{rate:.3g}", said),
        )  # fmt: skip

"""Figures of channel plots: many panels, a legend, a table.

All is placed by hand: the usual layout engine does not give the same bytes twice here.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from types import MappingProxyType

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from normscope.figures import drawing, lettering, tables
from normscope.figures.channel_plots import Limits, Statistics, draw_channels

# In inches.
PANEL = (1.6, 1.2)  # two stand side by side on a phone
GAP = 0.2
LINE = 0.15
TITLE = 0.6
ROW = 0.19  # of a table
MARK = 0.35  # of a legend, with the space around it
LEAST_WIDTH = 6.8  # for the title

# The header of a table of steps along the gradients of mean logits.
STEP_TOWARDS = (
    "gradient of the mean logit of",
    "loss",
    "accuracy",
    "share of inputs given this class",
)
EMPTY: Mapping[str, Statistics] = MappingProxyType({})


def draw_panels(
    panels: Mapping[str, Statistics],
    columns: int,
    limits: Callable[[Statistics], Limits],
    baselines: Mapping[str, Statistics] = EMPTY,
    extremes: bool = False,
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None,
    channels: Sequence[str] = (),
    quantity: str = "value",
) -> Figure:
    """A channel plot under each title, below them the channels' names and a table.

    `limits` gives those of a panel's x axis; `baselines` are by title, as trained; the
    table is its header and rows. The first line of a title is the panel's label.
    """
    shown = {title: limits(statistics) for title, statistics in panels.items()}
    names = [lettering.fitted(name) for name in channels]
    names += ["as trained"] if baselines else []
    widest = max(map(lettering.width, names), default=0) + MARK
    legend_columns = max(1, int((drawing.WIDEST - 0.2) / widest))
    legend = 0.2 * ceil(len(names) / legend_columns) + 0.1 if names else 0
    tall = ROW * (len(table[1]) + 1) + GAP if table else 0
    note = 0.25 if len(set(shown.values())) > 1 else 0
    lines = max(title.count("\n") for title in panels) + 1
    table_width = tables.table_width(*table) if table else 0
    figure, axes = _grid(len(panels), columns, lines, legend + tall + note, table_width)
    for axis, (title, statistics) in zip(axes, panels.items(), strict=True):
        before = baselines.get(title)
        draw_channels(axis, statistics, shown[title], extremes, before, quantity)
        words = [lettering.fitted(line, PANEL[0]) for line in title.split("\n")]
        axis.set_label(title.split("\n")[0])
        axis.set_title("\n".join(words), fontsize=drawing.SMALL, pad=3)
    if names:
        _draw_legend(figure, names, bool(baselines), legend_columns, note + tall)
    if table:
        left = (figure.get_figwidth() - table_width) / 2
        place = _place(figure, left, note, table_width, tall - GAP)
        tables.draw_table(place, *table)
    if note:
        words = "The x axes of the panels differ: look at the numbers at their ends."
        figure.text(0.01, 0.01, words, color="0.35", fontsize=drawing.SMALL)
    return figure


def cells(row: pd.Series) -> list[str]:
    """Loss and accuracy of a row of `steps.outcomes`, for a table."""
    return [f"{row.loss:.2f}", drawing.percent(row.accuracy)]


def _grid(
    count: int, columns: int, lines: int, below: float, least_width: float
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels under titles of that many lines, and room below."""
    columns = min(columns, count)
    rows = ceil(count / columns)
    width, height = PANEL[0] + GAP, PANEL[1] + 0.35 + LINE * lines
    across = max(width * columns + GAP, least_width, LEAST_WIDTH)
    figure = Figure((across, TITLE + height * rows + below))
    figure.set_layout_engine("none")
    left, bottom = (across - width * columns + GAP) / 2, below + 0.25
    places = (divmod(index, columns) for index in range(count))
    return figure, [
        _place(
            figure, left + width * column, bottom + height * (rows - 1 - row), *PANEL
        )
        for row, column in places
    ]


def _place(
    figure: Figure, left: float, bottom: float, width: float, height: float
) -> Axes:
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def _draw_legend(
    figure: Figure, names: Sequence[str], has_circle: bool, columns: int, bottom: float
) -> None:
    """A legend of the channels, then of the circles where there are any."""
    marks = [
        {"color": colour, "markersize": 4}
        for colour in drawing.PALETTE[: len(names) - has_circle]
    ]
    if has_circle:
        marks.append({"color": "0.35", "markersize": 3.5, "markerfacecolor": "none"})
    handles = [Line2D([], [], marker="o", linewidth=0, **mark) for mark in marks]
    figure.legend(
        handles, names, loc="lower center", ncols=columns, fontsize=drawing.SMALL,
        bbox_to_anchor=(0.5, bottom / figure.get_figheight()),
        handletextpad=0, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip

"""The article's channel plot: a layer's channels as densities laid over one another."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from normscope.figures import drawing, lettering

# In inches.
PANEL = (1.8, 1.3)
TITLE = 0.5
LEGEND_COLUMNS = 6  # at most
MARK = 0.35  # of a legend, with the space around it
PANELS = 10  # of one kind at most, as in the article
VERTICES = 120  # at most, of a drawn density

Statistics = Mapping[str, np.ndarray]
EMPTY: Mapping[str, Statistics] = MappingProxyType({})


def draw_channels(
    axis: Axes,
    channels: Statistics,
    limits: tuple[float, float],
    extremes: bool = False,
    baseline: Statistics | None = None,
) -> None:
    """Densities of the shown channels, and their means as dots below.

    With `extremes`, ticks at each channel's least and largest value; with `baseline`,
    circles at the means of its channels.
    """
    top = channels["density"].max()
    shown = range(len(channels["density"]))
    colours = [drawing.PALETTE[index % len(drawing.PALETTE)] for index in shown]
    axis.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    for index, colour in zip(shown, colours, strict=True):
        curve = channels["grid"], channels["density"][index]
        grid, density = _visible_part(*curve, limits)
        axis.fill(
            np.concatenate([grid[:1], grid, grid[-1:]]),
            np.concatenate([[0], density, [0]]),
            facecolor=(colour, 0.2),
            edgecolor=colour,
            linewidth=0.8,
        )
        if extremes:
            ends = channels["min"][index], channels["max"][index]
            axis.vlines(ends, 0, 0.12 * top, color=colour, linewidth=0.8)
    if baseline is not None:
        means = baseline["mean"][: len(shown)]
        axis.scatter(
            means, np.full(len(shown), -0.2 * top), s=10, linewidth=0.7,
            facecolor="none", edgecolor=colours,
        )  # fmt: skip
    means = channels["mean"][: len(shown)]
    axis.scatter(
        means, np.full(len(shown), -0.1 * top), s=14, color=colours, linewidth=0
    )
    axis.set(xlim=limits, xticks=[limits[0], 0, limits[1]])
    axis.set(ylim=(-0.28 * top, 1.08 * top), yticks=[])
    axis.grid(visible=False)
    axis.spines[:].set(visible=True, color="0.8")
    axis.tick_params(color="0.8", labelsize=8)


def _visible_part(
    grid: np.ndarray, density: np.ndarray, limits: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The part of a density within the limits and above 0, thinned to VERTICES."""
    inside = (grid >= limits[0]) & (grid <= limits[1])
    (places,) = np.nonzero(inside & (density > 1e-3 * density.max()))
    if len(places) == 0:
        return grid[:0], density[:0]
    places = slice(max(places[0] - 1, 0), places[-1] + 2, ceil(len(places) / VERTICES))
    return grid[places], density[places]


def limits(channels: Statistics, usual: tuple[float, float]) -> tuple[float, float]:
    """The usual limits, or wider ones where a shown channel's mean is outside."""
    means = channels["mean"][: len(channels["density"])]
    low, high = floor(means.min() - 0.5), ceil(means.max() + 0.5)
    return min(usual[0], low), max(usual[1], high)


def draw_panels(
    panels: Mapping[str, Statistics],
    columns: int,
    usual_limits: tuple[float, float],
    baselines: Mapping[str, Statistics] = EMPTY,
    extremes: bool = False,
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None,
    channels: Sequence[str] = (),
) -> Figure:
    """A channel plot under each title, beside them a table, below the channels' names.

    `baselines` are by title, as trained; the table is its header and rows. All is
    placed by hand: the usual layout engine does not give the same bytes twice here.
    """
    columns = min(columns, len(panels))
    rows = ceil(len(panels) / columns)
    lines = max(title.count("\n") for title in panels) + 1
    width, height = PANEL[0] + 0.2, PANEL[1] + 0.3 + 0.15 * lines
    left = width * columns + 0.2
    right = 0.3 + drawing.table_width(*table) if table else 0
    across = max(left + right, 6.8)
    names = [lettering.fitted(name) for name in channels]
    names += ["as trained"] if baselines else []
    widest = max(map(lettering.width, names), default=0) + MARK
    legend_columns = min(LEGEND_COLUMNS, int(across / widest))
    legend = 0.2 * ceil(len(names) / legend_columns) + 0.1
    figure = Figure((across, height * rows + TITLE + legend))
    figure.set_layout_engine("none")
    indent = (across - left - right) / 2
    for index, (title, statistics) in enumerate(panels.items()):
        row, column = divmod(index, columns)
        bottom = legend + 0.3 + height * (rows - 1 - row)
        axis = _place(figure, indent + 0.2 + width * column, bottom, *PANEL)
        shown = limits(statistics, usual_limits)
        draw_channels(axis, statistics, shown, extremes, baselines.get(title))
        words = [lettering.fitted(line, PANEL[0]) for line in title.split("\n")]
        axis.set_title("\n".join(words), fontsize=8, pad=3)
    if table:
        tall = min(0.19 * (len(table[1]) + 1), height * rows)
        bottom = figure.get_figheight() - TITLE - tall
        place = indent + left + 0.2, bottom, drawing.table_width(*table), tall
        drawing.draw_table(_place(figure, *place), *table)
    if names:
        _draw_legend(figure, names, bool(baselines), legend_columns)
    return figure


def _place(
    figure: Figure, left: float, bottom: float, width: float, height: float
) -> Axes:
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def _draw_legend(
    figure: Figure, names: Sequence[str], has_circle: bool, columns: int
) -> None:
    """A legend of the channels, then of the circles where there are any."""
    handles = [
        Line2D([], [], marker="o", markersize=4, linewidth=0, color=colour)
        for colour in drawing.PALETTE[: len(names) - has_circle]
    ]
    if has_circle:
        handles.append(
            Line2D(
                [],
                [],
                marker="o",
                markersize=3.5,
                linewidth=0,
                color="0.3",
                markerfacecolor="none",
            )
        )
    figure.legend(
        handles, names, loc="lower center", ncols=columns, fontsize=8,
        handletextpad=0, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip

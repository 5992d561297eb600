"""The article's channel plot: a layer's channels as densities laid over one another."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from normscope import drawing

PANEL = (1.9, 1.6)  # inches
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
        grid, density = _worth_drawing(*curve, limits)
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
    axis.set_xlim(limits)
    axis.set_xticks([limits[0], 0, limits[1]])
    axis.set_ylim(-0.28 * top, 1.08 * top)
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.spines[:].set(visible=True, color="0.8")
    axis.tick_params(color="0.8", labelsize=8)


def _worth_drawing(
    grid: np.ndarray, density: np.ndarray, limits: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """What of a density is inside and not flat, thinned to so many vertices."""
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
) -> Figure:
    """A channel plot under each title, and beside them a table's header and rows.

    `baselines` are by title too.
    """
    columns = min(columns, len(panels))
    rows = ceil(len(panels) / columns)
    width, height = PANEL[0] * columns, PANEL[1] * rows + 0.7
    if table is None:
        figure = Figure((max(width, 6.8), height))
        plots = figure
    else:
        table_width = drawing.table_width(*table)
        height = max(height, 0.19 * len(table[1]) + 1.2)
        figure = Figure((width + table_width, height))
        plots, side = figure.subfigures(1, 2, width_ratios=(width, table_width))
        drawing.draw_table(side.subplots(), *table)
    axes = plots.subplots(rows, columns, squeeze=False).flat
    for axis, (title, channels) in zip(axes, panels.items(), strict=False):
        shown = limits(channels, usual_limits)
        draw_channels(axis, channels, shown, extremes, baselines.get(title))
        axis.set_title(title, fontsize=8)
    for unused in axes[len(panels) :]:
        unused.set_visible(False)
    return figure


def draw_legend(figure: Figure, channels: Sequence[str], baseline: str = "") -> None:
    """Name the shown channels by their colours, and what the circles are."""
    handles = [
        Line2D([], [], marker="o", markersize=4, linewidth=0, color=colour, label=name)
        for colour, name in zip(drawing.PALETTE, channels, strict=False)
    ]
    if baseline:
        handles.append(
            Line2D(
                [],
                [],
                marker="o",
                markersize=3.5,
                linewidth=0,
                color="0.3",
                markerfacecolor="none",
                label=baseline,
            )
        )
    figure.legend(
        handles=handles, loc="outside lower center", ncols=6, fontsize=8,
        handletextpad=0, columnspacing=1.2,
    )  # fmt: skip

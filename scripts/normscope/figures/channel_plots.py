"""The article's channel plot: a layer's channels as densities laid over one another.

Ticks at extremes have the same height in density in all panels: a short one stands
beside a sharp peak. Extremes beyond an axis are written at its ends.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, floor, log10

import numpy as np
from matplotlib.axes import Axes

from normscope.figures import drawing

PANELS = 10  # of one kind at most, as in the article
ERROR = 0.005  # of the height of a curve, that drawing it with few vertices may make
TICK = 0.33  # the height of a tick at an extreme, as in the article: a density
SPREAD = 3  # standard deviations beside each mean for which axes have room
LEAST = 0.3  # of the usual limits: channels that fill less have narrower ones
LITTLE = 0.2  # of the limits: channels that fill less are drawn once more, larger
ROOM = 0.2  # of an axis, that a number at its end needs
BELOW = 7  # points from an axis to its numbers

Statistics = Mapping[str, np.ndarray]
Limits = tuple[float, float]


def around_means(usual: Limits, channels: Statistics) -> Limits:
    """The usual limits, or wider ones where a shown channel's mean is outside."""
    means = channels["mean"][: len(channels["density"])]
    low, high = floor(means.min() - 0.5), ceil(means.max() + 0.5)
    return min(usual[0], low), max(usual[1], high)


def around_values(usual: Limits, channels: Statistics, least: float = LEAST) -> Limits:
    """Limits that 0 and the shown channels fill, SPREAD deviations to each side.

    They are the usual ones where the channels fit, and fill at least that part.
    """
    shown = len(channels["density"])
    means, reach = channels["mean"][:shown], SPREAD * channels["std"][:shown]
    low, high = min((means - reach).min(), 0), max((means + reach).max(), 0)
    if low < usual[0] or high > usual[1]:
        low, high = min(low, usual[0]), max(high, usual[1])
    elif low == high or high - low >= least * (usual[1] - usual[0]):
        return usual
    step = 10 ** floor(log10(high - low)) / 2
    return floor(low / step) * step, ceil(high / step) * step


def number(value: float) -> str:
    """A value on an axis, in three digits at most, with a minus that is one."""
    places = 0 if abs(value) >= 10 else 1
    return f"{value:.{places}f}".replace("-", "\N{MINUS SIGN}")


def draw_channels(
    axis: Axes,
    channels: Statistics,
    limits: Limits,
    extremes: bool = False,
    baseline: Statistics | None = None,
    quantity: str = "value",
) -> None:
    """Densities of the shown channels, and their means as dots below.

    With `extremes`, ticks at each channel's least and largest value; with `baseline`,
    circles at the means of its channels. The quantity is the title of the x axis.
    """
    shown = len(channels["density"])
    top = float(channels["density"].max())
    colours = _colours(shown)
    axis.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    _draw_curves(axis, channels, limits, colours)
    if extremes:
        for index, colour in enumerate(colours):
            ends = np.array([channels["min"][index], channels["max"][index]])
            ends = ends[(ends >= limits[0]) & (ends <= limits[1])]
            axis.vlines(ends, 0, min(TICK, top), color=colour, linewidth=0.8)
    for means, height, style in (
        (baseline, -0.2, {"s": 10, "linewidth": 0.7, "facecolor": "none"}),
        (channels, -0.1, {"s": 14, "linewidth": 0, "facecolor": colours}),
    ):
        if means is not None:
            places = means["mean"][:shown], np.full(shown, height * top)
            axis.scatter(*places, edgecolor=colours, **style)
    if extremes:
        _write_hidden_extremes(axis, channels, limits)
    _draw_frame(axis, limits, quantity, top)


def draw_zoom(axis: Axes, channels: Statistics, limits: Limits) -> None:
    """The densities once more in a frame, where they fill little of the limits."""
    own = around_values(limits, channels, LITTLE)
    if own == limits:
        return
    is_right = sum(own) > sum(limits)  # leaves room at the left
    inset = axis.inset_axes((0.04 if is_right else 0.56, 0.42, 0.4, 0.42))
    _draw_curves(inset, channels, own, _colours(len(channels["density"])))
    inset.set(xlim=own, ylim=0, yticks=[])
    _draw_ticks(inset, own)
    inset.tick_params(pad=1)


def _colours(count: int) -> list[str]:
    return [drawing.PALETTE[index % len(drawing.PALETTE)] for index in range(count)]


def _draw_curves(
    axis: Axes, channels: Statistics, limits: Limits, colours: list[str]
) -> None:
    for colour, values in zip(colours, channels["density"], strict=True):
        grid, density = _visible_part(channels["grid"], values, limits)
        axis.fill(
            np.concatenate([grid[:1], grid, grid[-1:]]),
            np.concatenate([[0], density, [0]]),
            facecolor=(colour, 0.2),
            edgecolor=colour,
            linewidth=0.8,
        )


def _visible_part(
    grid: np.ndarray, density: np.ndarray, limits: Limits
) -> tuple[np.ndarray, np.ndarray]:
    """The part of a density within the limits and above 0, by the vertices it needs."""
    inside = (grid >= limits[0]) & (grid <= limits[1])
    (places,) = np.nonzero(inside & (density > 1e-3 * density.max()))
    if len(places) == 0:
        return grid[:0], density[:0]
    part = slice(max(places[0] - 1, 0), places[-1] + 2)
    grid, density = grid[part], density[part]
    needed = _vertices(grid, density, ERROR * float(density.max()))
    return grid[needed], density[needed]


def _vertices(x: np.ndarray, y: np.ndarray, error: float) -> list[int]:
    """The places of points between which straight lines are within the error of all.

    By Douglas and Peucker: a line is split at the point that is farthest from it.
    """
    kept, open_ends = [0], [len(x) - 1]
    while open_ends:
        first, last = kept[-1], open_ends[-1]
        between = slice(first, last + 1)
        line = np.interp(x[between], x[[first, last]], y[[first, last]])
        distances = np.abs(y[between] - line)
        if distances.max() > error:
            open_ends.append(first + int(distances.argmax()))
        else:
            kept.append(open_ends.pop())
    return kept


def _write_hidden_extremes(axis: Axes, channels: Statistics, limits: Limits) -> None:
    """How far the shown channels reach beyond the axis, at the end that hides it."""
    shown = len(channels["density"])
    low = float(channels["min"][:shown].min())
    high = float(channels["max"][:shown].max())
    for is_hidden, place, side, words in (
        (low < limits[0], 0.02, "left", f"\N{LEFTWARDS ARROW} {number(low)}"),
        (high > limits[1], 0.98, "right", f"{number(high)} \N{RIGHTWARDS ARROW}"),
    ):
        if is_hidden:
            axis.text(
                place, 0.015, words, transform=axis.transAxes, ha=side, va="bottom",
                color="0.35", fontsize=drawing.SMALL,
            )  # fmt: skip


def _draw_ticks(axis: Axes, ticks: Sequence[float]) -> None:
    """A frame, and numbers that stay within its width."""
    words = [f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in ticks]
    axis.set_xticks(ticks, words)
    axis.grid(visible=False)
    axis.spines[:].set(visible=True, color="0.8")
    axis.tick_params(color="0.8", labelsize=drawing.SMALL)
    first, *_, last = axis.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")


def _draw_frame(axis: Axes, limits: Limits, quantity: str, top: float) -> None:
    """The axis, its numbers within its width, and the height of the highest curve."""
    zero = -limits[0] / (limits[1] - limits[0])
    middle = [0] if ROOM < zero < 1 - ROOM else []
    ticks = [limits[0], *middle, limits[1]]
    axis.set(xlim=limits, ylim=(-0.32 * top, 1.25 * top), yticks=[])
    _draw_ticks(axis, ticks)
    small = {"color": "0.35", "fontsize": drawing.SMALL, "va": "top"}
    # Between the two numbers that have most room between them, at the right of two.
    place = max(pairwise(ticks), key=lambda ends: (ends[1] - ends[0], ends))
    axis.annotate(
        quantity, (sum(place) / 2, 0), xycoords=axis.get_xaxis_transform(),
        xytext=(0, -BELOW), textcoords="offset points", ha="center", **small,
    )  # fmt: skip
    axis.text(0.03, 0.98, f"peak {top:.2g}", transform=axis.transAxes, **small)

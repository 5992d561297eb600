"""Drawings of eigenvalues and of where their eigenvectors lie."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from normscope.figures import drawing

SHADES = {"mean": 1.0, "variance": 0.55, "third_moment": 0.25, "other": 0.0}
LINE = {"color": "black", "linewidth": 1.4, "zorder": 5}
CIRCLE = {"facecolor": "white", "edgecolor": "black", "s": 12, "linewidth": 0.8}
# What may be marked at a bar, by its column, and the words for it.
MARKS = {
    "class_mean": "share in the span of the\nclass means' gradients",
    **dict.fromkeys(
        ("placebo_high", "placebo_all_high"),
        "95 % point of the share in\nas many gradients with\nrandom signs",
    ),
}
WORDS = 2.1  # inches that these take beside the panels


def numbered(eigenvalues: np.ndarray) -> pd.DataFrame:
    """The eigenvalues as a table, with the number of their eigenvectors."""
    numbers = np.arange(1, len(eigenvalues) + 1)
    return pd.DataFrame({"eigenvector": numbers, "eigenvalue": eigenvalues})


def draw_strip(
    axis: Axes,
    table: pd.DataFrame,
    networks: Sequence[str],
    article: Mapping[str, Sequence[float]],
) -> None:
    """A row of dots per network, seeds a little apart, hollow where negative.

    On a log axis dots stand at the magnitude. Ticks below a row are the article's.
    """
    colours = drawing.colours(networks)
    is_log = axis.get_xscale() == "log"
    place = np.abs if is_log else np.asarray
    seeds = sorted(table.seed.unique())
    shifts = dict(
        zip(seeds, np.linspace(-0.15, 0.15, len(seeds) + 2)[1:-1], strict=True)
    )
    for row, network in enumerate(networks):
        mine = table[table.network == network]
        for pair in mine.itertuples():
            axis.scatter(
                place(pair.eigenvalue),
                row + shifts[pair.seed],
                s=28,
                linewidth=1,
                edgecolor=colours[network],
                facecolor="white" if pair.eigenvalue < 0 else colours[network],
                alpha=0.75,
                zorder=4,
                gid=f"{drawing.TIP}{drawing.label(network)}, v{pair.eigenvector}: "
                f"{pair.eigenvalue:.3g}",
            )
        if network in article:
            axis.vlines(
                place(article[network]), row + 0.24, row + 0.4, **drawing.ARTICLE
            )
    drawing.draw_network_rows(axis, networks)


def draw_overlaps(
    table: pd.DataFrame,
    networks: Sequence[str],
    parts: Sequence[str],
    article: Mapping[str, Sequence[float]],
    marks: Sequence[str] = (),
) -> Figure:
    """A panel per network, a bar per eigenvector, its parts in shades from below.

    The parts are medians over seeds, dots the seeds' sums, grey lines the article's.
    `marks` are columns whose medians are marked at each bar: the class means by an open
    circle, others by a short black line.
    """
    colours = drawing.colours(networks)
    columns = 5 if len(networks) % 5 == 0 else 4
    figure, axes = drawing.panels(
        len(networks), columns, (2.7, 2.3), sharex=True, sharey=True
    )
    if marks:
        figure.set_figwidth(figure.get_figwidth() + WORDS)
    for axis, network in zip(axes, networks, strict=True):
        mine = table[table.network == network]
        medians = mine.groupby("eigenvector")[list(parts)].median()
        _draw_bars(axis, medians, drawing.label(network), colours[network])
        if mine.seed.nunique() > 1:
            axis.scatter(
                mine.eigenvector, mine[list(parts)].sum(axis=1), s=4, color="black",
                linewidth=0, alpha=0.5, zorder=4,
            )  # fmt: skip
        if network in article:
            values = article[network]
            count = np.arange(1, len(values) + 1)
            axis.hlines(values, count - 0.4, count + 0.4, **drawing.ARTICLE)
        _draw_marks(axis, mine.groupby("eigenvector")[list(marks)].median())
        axis.set_title(drawing.label(network), color=colours[network], weight="bold")
        axis.grid(axis="x", visible=False)
    if len(parts) > 1 or marks:
        _draw_legend(figure, parts, marks)
    figure.supxlabel("eigenvector, by descending eigenvalue", fontsize=9)
    return figure


def means_of_first(table: pd.DataFrame, column: str, count: int) -> dict[str, float]:
    """Mean of a column over each network's first `count` eigenvectors, the median over
    seeds.
    """
    first = table[table.eigenvector <= count]
    by_seed = first.groupby(["network", "seed"], sort=False)[column].mean()
    medians = by_seed.groupby("network", sort=False).median()
    return {name: float(value) for name, value in medians.items()}


def _draw_legend(figure: Figure, parts: Sequence[str], marks: Sequence[str]) -> None:
    handles = [
        Patch(
            facecolor=("0.2", SHADES[part]),
            edgecolor="0.2",
            label=drawing.label(part),
        )
        for part in reversed(parts)
    ]
    handles = [*map(_mark_handle, marks), *handles]
    figure.legend(handles=handles, loc="outside right center")


def _draw_marks(axis: Axes, columns: pd.DataFrame) -> None:
    for name, values in columns.items():
        if name == "class_mean":
            axis.scatter(values.index, values, zorder=6, **CIRCLE)
        else:
            axis.hlines(values, values.index - 0.28, values.index + 0.28, **LINE)


def _mark_handle(name: str) -> Line2D:
    style = {"color": "black", "linestyle": "", "label": MARKS[name]}
    if name == "class_mean":
        return Line2D(
            [], [], marker="o", markersize=4, markerfacecolor="white", **style
        )
    return Line2D([], [], marker="_", markersize=8, markeredgewidth=1.4, **style)


def _draw_bars(axis: Axes, parts: pd.DataFrame, network: str, colour: str) -> None:
    """A bar per row, its parts the columns, from below."""
    bottom = np.zeros(len(parts))
    for part, values in parts.items():
        bars = axis.bar(
            parts.index, values, bottom=bottom, width=0.8, linewidth=0.5,
            facecolor=(colour, SHADES[part]), edgecolor=colour,
        )  # fmt: skip
        for number, bar in zip(parts.index, bars, strict=True):
            bar.set_gid(
                f"{drawing.TIP}{network}, v{number}: "
                f"{drawing.label(part)} {values[number]:.2g}"
            )
        bottom += values

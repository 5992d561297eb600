"""Drawings of eigenvalues and of where their eigenvectors lie."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from normscope.figures import drawing

# By moment, told apart with any colour vision, and none of them a network's.
COLOURS = {
    "mean": "#4477AA",
    "variance": "#CCBB44",
    "third_moment": "#EE6677",
    "other": "none",
}
EDGES = dict.fromkeys(COLOURS, "none") | {"other": "0.5"}
WORDS = {
    "mean": "means",
    "variance": "variances",
    "third_moment": "third central moments",
    "other": "rest: with none of these",
}
LINE = {"color": "black", "linewidth": 1.4, "zorder": 5}
CIRCLE = {"facecolor": "white", "edgecolor": "black", "s": 12, "linewidth": 0.8}
# What may be marked at a bar, by its column, and the words for it.
MARKS = {
    "class_mean": "means over each class's own images",
    **dict.fromkeys(
        ("placebo_high", "placebo_all_high"),
        "sums over images with random signs, in as\nmany directions: 95 % point",
    ),
}
LEGEND = 1.2  # inches


def numbered(eigenvalues: np.ndarray) -> pd.DataFrame:
    """The eigenvalues as a table, with the number of their eigenvectors."""
    numbers = np.arange(1, len(eigenvalues) + 1)
    return pd.DataFrame({"eigenvector": numbers, "eigenvalue": eigenvalues})


def draw_strip(
    axis: Axes,
    table: pd.DataFrame,
    colours: Mapping[str, str],
    article: Mapping[str, Sequence[float]],
) -> None:
    """A row of dots per network of `colours`, at the magnitudes of its eigenvalues.

    Seeds stand a little apart, negative ones are hollow, ticks below a row are the
    article's.
    """
    seeds = sorted(table.seed.unique())
    shifts = dict(
        zip(seeds, np.linspace(-0.15, 0.15, len(seeds) + 2)[1:-1], strict=True)
    )
    for row, (network, colour) in enumerate(colours.items()):
        mine = table[table.network == network]
        for pair in mine.itertuples():
            axis.scatter(
                abs(pair.eigenvalue),
                row + shifts[pair.seed],
                s=28,
                linewidth=1,
                edgecolor=colour,
                facecolor="white" if pair.eigenvalue < 0 else colour,
                alpha=0.75,
                zorder=4,
                gid=drawing.tip(
                    network, f"v{pair.eigenvector}", f"{pair.eigenvalue:.3g}"
                ),
            )
        for number, value in enumerate(article.get(network, []), start=1):
            said = drawing.tip(network, f"v{number} in the article", f"{value:.3g}")
            place = abs(value), row + 0.2, row + 0.36
            axis.vlines(*place, gid=said, **drawing.ARTICLE)


def number_magnitudes(axis: Axis, magnitudes: np.ndarray | pd.Series) -> None:
    """Number a log axis of these magnitudes, at few enough places for their words."""
    is_narrow = np.max(magnitudes) < 100 * np.min(magnitudes)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if is_narrow else (1,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def draw_overlaps(
    table: pd.DataFrame,
    networks: Sequence[str],
    parts: Sequence[str],
    article: Mapping[str, Sequence[float]],
    marks: Sequence[str] = (),
    quantity: str = "squared overlap",
) -> Figure:
    """A panel per network, a bar per eigenvector, its parts on one another.

    The parts are medians over seeds, dots the seeds' sums, grey lines the article's.
    `marks` are columns whose medians are marked at each bar: the class means by an open
    circle, others by a short black line.
    """
    figure, axes = drawing.panels(len(networks), 3, (3.2, 2.4))
    figure.set_figheight(figure.get_figheight() + LEGEND)
    for axis, network in zip(axes, networks, strict=True):
        mine = table[table.network == network]
        medians = mine.groupby("eigenvector")[list(parts)].median()
        _draw_bars(axis, medians, network)
        if mine.seed.nunique() > 1:
            axis.scatter(
                mine.eigenvector, mine[list(parts)].sum(axis=1), s=4, color="black",
                linewidth=0, alpha=0.5, zorder=4,
            )  # fmt: skip
        for number, value in enumerate(article.get(network, []), start=1):
            said = drawing.tip(network, f"v{number} in the article", f"{value:.2g}")
            place = value, number - 0.4, number + 0.4
            axis.hlines(*place, gid=said, **drawing.ARTICLE)
        _draw_marks(axis, mine.groupby("eigenvector")[list(marks)].median())
        _name_axes(axis, network, int(table.eigenvector.max()), quantity)
    _draw_legend(figure, parts, marks)
    return figure


def means_of_first(table: pd.DataFrame, column: str, count: int) -> dict[str, float]:
    """Mean of a column over each network's first `count` eigenvectors, the median over
    seeds.
    """
    first = table[table.eigenvector <= count]
    by_seed = first.groupby(["network", "seed"], sort=False)[column].mean()
    medians = by_seed.groupby("network", sort=False).median()
    return {name: float(value) for name, value in medians.items()}


def _name_axes(axis: Axes, network: str, count: int, quantity: str) -> None:
    axis.set_label(network)
    axis.set_title(drawing.label(network))
    axis.set(xlabel="eigenvector, by descending eigenvalue", ylabel=quantity)
    axis.set_xlim(0.3, count + 0.7)
    axis.set_xticks([1, *range(5, count + 1, 5)])
    axis.grid(axis="x", visible=False)


def _draw_legend(figure: Figure, parts: Sequence[str], marks: Sequence[str]) -> None:
    handles = [
        Patch(facecolor=COLOURS[part], edgecolor=EDGES[part], label=WORDS[part])
        for part in reversed(parts)
    ]
    handles = [*map(_mark_handle, marks), *handles]
    figure.legend(
        handles=handles, loc="outside lower left", fontsize=drawing.SMALL,
        title="squared overlap with the gradients of the logits'", alignment="left",
        title_fontsize=drawing.SMALL,
    )  # fmt: skip


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


def _draw_bars(axis: Axes, parts: pd.DataFrame, network: str) -> None:
    """A bar per row, its parts the columns, from below."""
    bottom = np.zeros(len(parts))
    for part, values in parts.items():
        bars = axis.bar(
            parts.index, values, bottom=bottom, width=0.8, linewidth=0.6,
            facecolor=COLOURS[part], edgecolor=EDGES[part],
        )  # fmt: skip
        for number, bar in zip(parts.index, bars, strict=True):
            said = f"{drawing.label(part)} {values[number]:.2g}"
            bar.set_gid(drawing.tip(network, f"v{number}", said))
        bottom += values

"""The style that all figures share: colours, grids of panels, files."""

from collections.abc import Collection, Mapping, Sequence
from math import ceil
from textwrap import fill

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from normscope.figures import lettering
from normscope.job import atomic_write

matplotlib.rcdefaults()  # whatever the user's matplotlibrc says
matplotlib.rcParams.update(
    {
        "svg.hashsalt": "normscope",  # the same bytes for the same picture
        "svg.fonttype": "path",
        "text.parse_math": False,  # dollars in names are dollars
        "text.usetex": False,
        "font.family": ["DejaVu Sans"],  # which matplotlib brings along
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.labelsize": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": "0.92",
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
    }
)

# Okabe and Ito's colours, told apart with any colour vision, and three more.
PALETTE = (
    "#0072B2", "#E69F00", "#D55E00", "#56B4E9", "#009E73", "#CC79A7", "#000000",
    "#8C6D31", "#7B3294", "#999999",
)  # fmt: skip
TIP = "tip: "  # starts the id of a mark that a page can say something about
ARTICLE = {"color": "0.35", "linewidth": 0.9, "zorder": 3}


def colours(networks: Sequence[str]) -> dict[str, str]:
    """One colour per network, by its place in the config, in every figure."""
    return {
        network: PALETTE[index % len(PALETTE)] for index, network in enumerate(networks)
    }


def label(name: str) -> str:
    """A name of the config as words; a very long one loses its middle."""
    return lettering.fitted(name.replace("_", " "))


def panels(
    count: int, columns: int, size: tuple[float, float], **shared: object
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels of `size` inches each, at most `columns` a row."""
    columns = min(columns, count)
    rows = ceil(count / columns)
    figure = Figure((size[0] * columns, size[1] * rows + 0.5))
    axes = figure.subplots(rows, columns, squeeze=False, **shared).flat
    for unused in axes[count:]:
        unused.set_visible(False)
    for axis in axes[:count]:
        axis.xaxis.set_tick_params(labelbottom=True)
    return figure, list(axes[:count])


def draw_band(
    axis: Axes,
    middle: pd.Series,
    low: pd.Series,
    high: pd.Series,
    colour: str,
    style: str = "-",
    label: str | None = None,
) -> None:
    """A dotted line through `middle` by its index, in a band from `low` to `high`."""
    axis.plot(middle, style, color=colour, marker="o", markersize=2.5, label=label)
    axis.fill_between(middle.index, low, high, color=colour, alpha=0.12, linewidth=0)


def set_title(figure: Figure, text: str) -> None:
    """Set the title, its lines broken to fit the width of the figure."""
    width = int(11.5 * figure.get_figwidth())
    figure.suptitle("\n".join(fill(line, width) for line in text.splitlines()))


def number_log_ticks(axis: Axis) -> None:
    """Number the ticks of a log axis; matplotlib's own numbers there are formulas."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(LogFormatter())


def contrast(values: Mapping[str, float], form: str) -> str:
    """The largest and the smallest value in words, with the networks that have them."""
    by_size = sorted(values, key=values.get, reverse=True)
    ends = by_size if len(by_size) < 2 else (by_size[0], by_size[-1])
    return ", ".join(f"{values[name]:{form}} with {label(name)}" for name in ends)


def draw_network_rows(axis: Axes, networks: Sequence[str]) -> None:
    """Label one row of the axis per network, the first on top."""
    axis.set_yticks(range(len(networks)), map(label, networks))
    axis.set_ylim(len(networks) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)


def table_width(header: Sequence[str], rows: Sequence[Sequence[str]]) -> float:
    """The width in inches of a table that `draw_table` draws."""
    return _first_column(rows) + 0.75 * (len(header) - 1) + 0.2


def _first_column(rows: Sequence[Sequence[str]]) -> float:
    return 0.3 + max(lettering.width(lettering.fitted(row[0])) for row in rows)


def draw_table(
    axis: Axes, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Rows of text under a header, the first column to the left, numbers right."""
    axis.set_axis_off()
    first = _first_column(rows)
    axis.set(xlim=(0, table_width(header, rows)), ylim=(len(rows) + 0.5, -0.5))
    axis.axhline(0.5, color="0.6", linewidth=0.7)
    for line, cells in enumerate([header, *rows]):
        for column, cell in enumerate(cells):
            axis.text(
                0 if column == 0 else first + 0.75 * column,
                line,
                lettering.fitted(cell),
                ha="left" if column == 0 else "right",
                va="center",
                fontsize=8,
                color="0.35" if line == 0 else "black",
            )


def note_article(figure: Figure, article: Collection) -> None:
    """Explain the grey marks in a corner, where there are any."""
    if article:
        figure.text(
            0.005,
            0.005,
            "grey marks: the article",
            color="0.35",
            fontsize=7,
        )


def save(figure: Figure, svg: str, png: str) -> None:
    """Write the figure as SVG and as PNG, each atomically."""
    # Laid out once for both, which takes longer than drawing.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for path, kind, options in (
        (svg, "svg", {"metadata": {"Date": None}}),
        (png, "png", {"dpi": 150}),
    ):
        with atomic_write(path) as partial:
            figure.savefig(partial, format=kind, **options)

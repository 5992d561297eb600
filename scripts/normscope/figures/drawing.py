"""The style that all figures share: colours, grids of panels, files.

A file holds a whole figure. A page shows its panels one after another. So a panel is at
most WIDEST with all that is written at it, and is understood without the others.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import cycle
from math import ceil
from textwrap import fill

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from normscope.figures import lettering
from normscope.figures.contents import contents
from normscope.job import atomic_write

matplotlib.rcdefaults()  # whatever the user's matplotlibrc says
matplotlib.rcParams.update(
    {
        "svg.hashsalt": "normscope",  # the same bytes for the same picture
        "svg.fonttype": "none",  # text is text: it can be searched and copied
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

WIDEST = 3.7  # inches: a phone's page
SMALL = 8.5  # points, the least that text has: 11 pixels on a page
# Okabe and Ito's colours, told apart with any colour vision, and three more.
PALETTE = (
    "#0072B2", "#E69F00", "#D55E00", "#56B4E9", "#009E73", "#CC79A7", "#882255",
    "#8C6D31", "#7B3294", "#999999",
)  # fmt: skip
TIP = "tip: "  # starts the id of a mark that a page can say something about
ARTICLE = {"color": "0.35", "linewidth": 0.9, "zorder": 3}


def colours(networks: Sequence[str]) -> dict[str, str]:
    """One colour per network, by its place in the config, in every figure."""
    return dict(zip(networks, cycle(PALETTE), strict=False))


def label(name: str) -> str:
    """A name of the config as words; a very long one loses its middle."""
    words = name.replace("_", " ")
    # "post batch norm" alone reads as what comes after a batch norm.
    words = words.replace("post batch norm", "post-activation batch norm")
    return lettering.fitted(words)


def tip(name: str, what: str, value: str) -> str:
    """The id of a mark, with what the mark says: of a network or such, what is what."""
    return f"{TIP}{label(name)}, {what}: {value}"


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


def percent(share: float, form: str = ".0f") -> str:
    """A share in per cent, as in "38 %", on one line."""
    return f"{100 * share:{form}}\N{NO-BREAK SPACE}%"


def set_title(figure: Figure, text: str) -> None:
    """Set the title, its lines broken to fit the width of the figure."""
    width = int(11.5 * figure.get_figwidth())
    figure.suptitle("\n".join(fill(line, width) for line in text.splitlines()))


def number_log_ticks(axis: Axis) -> None:
    """Number the ticks of a log axis; matplotlib's own numbers there are formulas."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(LogFormatter())


def of_roles(
    values: Mapping[str, float | str],
    roles: Mapping[str, str],
    form: str = "",
    named: Sequence[str] = ("batch_norm", "frozen", "none"),
) -> str:
    """The values of networks that have the `named` roles: "0.3 with batch norm, ...".

    `values` are by network, `roles` gives the network of each role. Where values has
    fewer than two of these networks, they are the first two that it has.
    """
    found = [roles[role] for role in named if roles.get(role) in values]
    shown = found if len(found) > 1 else list(values)[:2]
    return ", ".join(f"{values[name]:{form}} with {label(name)}" for name in shown)


def draw_network_rows(axis: Axes, lines: Sequence[str]) -> None:
    """Rows of the axis from 0 on, the first on top, each with a line of text above."""
    axis.set_yticks([])
    axis.set_ylim(len(lines) - 0.5, -0.75)
    style = {"va": "center", "transform": axis.get_yaxis_transform(), "zorder": 5}
    for row, line in enumerate(lines):
        axis.text(0.01, row - 0.42, line, **style)


def note_article(figure: Figure, article: Collection) -> None:
    """Explain the grey marks in a corner, where there are any."""
    if article:
        words = "Grey marks are the article's values."
        figure.text(0.005, 0.005, words, color="0.35", fontsize=SMALL)


def save(figure: Figure, svg: str, png: str) -> None:
    """Write the figure as SVG, with its `contents`, and as PNG, each atomically."""
    # Laid out once for both, which takes longer than drawing.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axis in figure.axes:
        # The layout's last bits differ between runs, and names in the SVG hash them.
        place = axis.get_position(original=True).bounds
        axis.set_position([round(side, 9) for side in place])
    described = {"Date": None, "Description": json.dumps(contents(figure))}
    for path, kind, options in (
        (svg, "svg", {"metadata": described}),
        (png, "png", {"dpi": 150}),
    ):
        with atomic_write(path) as partial:
            figure.savefig(partial, format=kind, **options)

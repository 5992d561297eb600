"""Drawings of eigenvalues and of where their eigenvectors lie."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from normscope import drawing, store

SHADES = {"mean": 1.0, "variance": 0.55, "third_moment": 0.25, "other": 0.0}


def read_eigenvalues(path: str) -> pd.DataFrame:
    """Number and value of each eigenpair of a file."""
    values = store.read(path, "eigenvalues")[0]["eigenvalues"]
    return pd.DataFrame(
        {"eigenvector": np.arange(1, len(values) + 1), "eigenvalue": values}
    )


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


def largest(table: pd.DataFrame, networks: Sequence[str]) -> dict[str, float]:
    """The largest magnitude of an eigenvalue of each network, the median over seeds."""
    magnitudes = table.assign(magnitude=table.eigenvalue.abs())
    by_seed = magnitudes.groupby(["network", "seed"]).magnitude.max()
    return by_seed.groupby("network").median()[list(networks)].to_dict()


def average_share(table: pd.DataFrame, column: str, first: int) -> dict[str, float]:
    """The mean of an overlap over the first eigenvectors of each network."""
    leading = table[table.eigenvector <= first]
    return leading.groupby("network")[column].mean().to_dict()


def draw_overlaps(
    table: pd.DataFrame,
    networks: Sequence[str],
    parts: Sequence[str],
    article: Mapping[str, Sequence[float]],
) -> Figure:
    """A panel per network, a bar per eigenvector, its parts in shades from below.

    The parts are medians over seeds, dots the seeds' sums, short lines the article's.
    """
    colours = drawing.colours(networks)
    columns = 5 if len(networks) % 5 == 0 else 4
    figure, axes = drawing.panels(
        len(networks), columns, (2.7, 2.3), sharex=True, sharey=True
    )
    for axis, network in zip(axes, networks, strict=True):
        mine = table[table.network == network]
        medians = mine.groupby("eigenvector")[list(parts)].median()
        bottom = np.zeros(len(medians))
        for part in parts:
            bars = axis.bar(
                medians.index,
                medians[part],
                bottom=bottom,
                width=0.8,
                facecolor=(colours[network], SHADES[part]),
                edgecolor=colours[network],
                linewidth=0.5,
            )
            for number, bar in zip(medians.index, bars, strict=True):
                bar.set_gid(
                    f"{drawing.TIP}{drawing.label(network)}, v{number}: "
                    f"{drawing.label(part)} {medians[part][number]:.2g}"
                )
            bottom += medians[part]
        if mine.seed.nunique() > 1:
            axis.scatter(
                mine.eigenvector, mine[list(parts)].sum(axis=1), s=4, color="black",
                linewidth=0, alpha=0.5, zorder=4,
            )  # fmt: skip
        if network in article:
            values = article[network]
            count = np.arange(1, len(values) + 1)
            axis.hlines(values, count - 0.4, count + 0.4, **drawing.ARTICLE)
        axis.set_title(drawing.label(network), color=colours[network], weight="bold")
        axis.grid(axis="x", visible=False)
    if len(parts) > 1:
        figure.legend(
            handles=[
                Patch(
                    facecolor=("0.2", SHADES[part]),
                    edgecolor="0.2",
                    label=drawing.label(part),
                )
                for part in reversed(parts)
            ],
            loc="outside right center",
        )
    figure.supxlabel("eigenvector, by falling eigenvalue", fontsize=9)
    return figure

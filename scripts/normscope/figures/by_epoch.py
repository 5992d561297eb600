"""What changes on the way through training, by epoch."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogFormatter, MaxNLocator

from normscope.figures import drawing


def draw_by_epoch(
    axis: Axes, table: pd.DataFrame, column: str, colours: Mapping[str, str]
) -> None:
    """A line for each network of `colours` through its medians over the seeds, in the
    seeds' range as a band, and a mark at each checkpoint.
    """
    for network, colour in colours.items():
        mine = table[table.network == network].dropna(subset=column)
        if mine.empty:
            continue
        by_epoch = mine.groupby("epoch")[column]
        middle, label = by_epoch.median(), drawing.label(network)
        drawing.draw_band(
            axis, middle, by_epoch.min(), by_epoch.max(), colour, label=label
        )
        for epoch, value in middle.items():
            said = drawing.tip(network, f"epoch {epoch:g}", f"{value:.3g}")
            axis.scatter(epoch, value, s=14, color=colour, zorder=4, gid=said)
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def positive(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table without what a logarithmic axis cannot show in these columns."""
    return table.assign(
        **{name: table[name].where(table[name] > 0) for name in columns}
    )


class Decimals(LogFormatter):
    """Its numbers as decimals: 0.6 for 6e-01."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        low, high = self.axis.get_view_interval()
        if high > 10 * low:  # others would touch
            is_shown = high < 100 * low and f"{x:e}"[0] in "25"
        else:
            is_shown = super().__call__(x, pos)
        return f"{x:g}" if is_shown else ""


def number_decimals(axis: Axis) -> None:
    """Number the ticks of a log axis, those between powers of ten as decimals too."""
    drawing.number_log_ticks(axis)
    axis.set_minor_formatter(Decimals())

"""Tables in figures, which pages show as tables of their own (`contents`)."""

from collections.abc import Sequence
from itertools import accumulate

from matplotlib.axes import Axes

from normscope.figures import drawing, lettering


def table_width(header: Sequence[str], rows: Sequence[Sequence[str]]) -> float:
    """The width in inches of a table that `draw_table` draws."""
    return sum(_column_widths(header, rows))


def _column_widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
    """In inches, with the space between them."""
    columns = zip(header, *rows, strict=True)
    return [
        max(lettering.width(lettering.fitted(cell)) for cell in column) + 0.25
        for column in columns
    ]


def draw_table(
    axis: Axes, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Rows of text under a header, the first column to the left, numbers right."""
    axis.set_axis_off()
    axis.set_gid(f"table of {len(header)}")
    ends = list(accumulate(_column_widths(header, rows)))
    axis.set(xlim=(0, ends[-1]), ylim=(len(rows) + 0.5, -0.5))
    axis.axhline(0.5, color="0.6", linewidth=0.7)
    for line, cells in enumerate([header, *rows]):
        for column, cell in enumerate(cells):
            axis.text(
                0 if column == 0 else ends[column],
                line,
                lettering.fitted(cell),
                ha="left" if column == 0 else "right",
                va="center",
                fontsize=drawing.SMALL,
                color="0.35" if line == 0 else "black",
            )

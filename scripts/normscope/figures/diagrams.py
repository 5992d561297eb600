"""Pictures of networks: rows of boxes, with lines from layer to layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from normscope.figures import drawing, lettering

# In inches.
NAMES = 0.95  # a row's name and size, at its left
BOX = (0.62, 0.36)
GAP = 0.06  # between the boxes of a row
PITCH = 0.52  # from row to row
TITLE = 0.5
# Transparent, so that their text is legible on light and on dark pages.
COLOURS = {
    "data": ("0.6", 0.1),
    "conv": ("#E69F00", 0.3),
    "linear": ("#E69F00", 0.3),
    "norm": ("#D55E00", 0.3),
    "activation": ("#009E73", 0.25),
    "pool": ("#0072B2", 0.2),
    "scale": ("#CC79A7", 0.25),
    "loss": ("0.6", 0.25),
    "sum": ("0.6", 0.25),
    "attention": ("#56B4E9", 0.25),
    "source": "none",
    "missing": "none",
}
EDGES = {"missing": {"edgecolor": "0.35", "linewidth": 0.9, "linestyle": "--"}}
FINE = {"edgecolor": "0.6", "linewidth": 0.6}
THICK = {"edgecolor": "0.2", "linewidth": 1.8}
WIRE = {"color": "0.5", "linewidth": 0.8}
MOST = 4  # boxes of a row
SUM = "+"
SOURCE = "source"  # the kind of a box that says where a branch starts


@dataclass(frozen=True)
class Box:
    """A layer in words, as wide as `span` boxes; it may differ from the article's."""

    text: str
    kind: str
    differs: bool = False
    span: int = 1


@dataclass(frozen=True)
class Row:
    """A block of layers, in their order, and the size of its outputs.

    One that goes `around` some rows above it is a shortcut: it starts where they do,
    and ends at a box SUM of the last.
    """

    name: str
    size: str
    boxes: Sequence[Box]
    around: int = 0


def draw_diagram(rows: Sequence[Row], title: str) -> Figure:
    """The rows from top to bottom, with lines from layer to layer.

    A thick edge marks what differs from batch norm before the activation.
    """
    tall = PITCH * len(rows)
    figure = Figure((drawing.WIDEST - 0.08, tall + TITLE))
    figure.set_layout_engine("none")  # so that boxes are as large as they should be
    axis = figure.add_axes((0, 0, 1, tall / figure.get_figheight()))
    axis.set(xlim=(0, figure.get_figwidth()), ylim=(tall, 0), label="diagram")
    axis.set_axis_off()
    end, above = 0.0, 0
    for number, row in enumerate(rows):
        y = PITCH * (number + 0.5)
        last = _draw_row(axis, row, y)
        if row.around:
            _draw_shortcut(axis, y, last, rows[number - 1], row.around)
            continue
        if number and row.boxes[0].kind != SOURCE:
            _draw_wire(axis, end, y, number - above)
        end, above = last, number
    drawing.set_title(figure, title)
    return figure


def _draw_row(axis: Axes, row: Row, y: float) -> float:
    """Draw the row, and return where its last box ends."""
    style = {"va": "center", "fontsize": drawing.SMALL}
    axis.text(0.04, y - 0.09, lettering.fitted(row.name, NAMES - 0.1), **style)
    axis.text(0.04, y + 0.09, row.size, color="0.35", **style)
    x = NAMES
    for box in row.boxes:
        if x > NAMES:
            axis.plot([x - GAP, x], [y, y], **WIRE)
        width = box.span * BOX[0] + (box.span - 1) * GAP
        edge = EDGES.get(box.kind, THICK if box.differs else FINE)
        axis.add_patch(
            FancyBboxPatch(
                (x, y - BOX[1] / 2), width, BOX[1], facecolor=COLOURS[box.kind],
                boxstyle="round,pad=0,rounding_size=0.05", **edge,
            )
        )  # fmt: skip
        words = [lettering.fitted(line, width) for line in box.text.split("\n")]
        axis.text(
            x + width / 2, y, "\n".join(words), ha="center", linespacing=1, **style
        )
        x += width + GAP
    return x - GAP


def _draw_wire(axis: Axes, end: float, y: float, rows: int) -> None:
    """From the end of a row, `rows` above, to the first box of the row at y."""
    between, top = y - PITCH / 2, y - BOX[1] / 2
    right, left = end - BOX[0] / 2, NAMES + BOX[0] / 2
    axis.plot(
        [right, right, left, left],
        [top - rows * PITCH + BOX[1], between, between, top],
        **WIRE,
    )
    axis.plot(left, top - 0.03, "v", markersize=3.5, color=WIRE["color"])


def _draw_shortcut(axis: Axes, y: float, end: float, above: Row, rows: int) -> None:
    """From before the first of those rows above y to the left of the row at y, which
    ends at `end`, and from there to the sum in the row above.
    """
    start, side = y - (rows + 0.5) * PITCH, NAMES - BOX[0] / 6
    axis.plot([NAMES + BOX[0] / 2, side, side, NAMES], [start, start, y, y], **WIRE)
    place = [box.text for box in above.boxes].index(SUM)
    middle = NAMES + place * (BOX[0] + GAP) + BOX[0] / 2
    bottom = y - PITCH + BOX[1] / 2
    if middle > end:
        axis.plot([end, middle, middle], [y, y, bottom], **WIRE)
    else:
        axis.plot([middle, middle], [y - BOX[1] / 2, bottom], **WIRE)
    axis.plot(middle, bottom + 0.03, "^", markersize=3.5, color=WIRE["color"])

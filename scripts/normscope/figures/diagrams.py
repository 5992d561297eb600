"""Pictures of networks, drawn from the network objects themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn

from normscope.figures import drawing, lettering
from normscope.networks.activations.softplus import Softplus
from normscope.networks.chains import ScaledReLU
from normscope.networks.conv_net import Scale

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
    "missing": "none",
}
EDGES = {"missing": {"edgecolor": "0.35", "linewidth": 0.9, "linestyle": "--"}}
FINE = {"edgecolor": "0.6", "linewidth": 0.6}
THICK = {"edgecolor": "0.2", "linewidth": 1.8}
WIRE = {"color": "0.5", "linewidth": 0.8}


@dataclass(frozen=True)
class Box:
    """A layer in words, as wide as `span` boxes; it may differ from the article's."""

    text: str
    kind: str
    differs: bool = False
    span: int = 1


@dataclass(frozen=True)
class Row:
    """A block of layers, in their order, and the size of its outputs."""

    name: str
    size: str
    boxes: Sequence[Box]


@torch.no_grad()
def rows_of(network: nn.Sequential, inputs: Tensor) -> list[Row]:
    """A row for each block of the network, after one for these inputs.

    A block are layers that are called alike up to their kind (layer1_conv, layer1_norm,
    ...), and those after it that belong to no block. What is not as with batch norm
    before the activation is marked, and a norm that is missing has a box.
    """
    blocks = {"input": []}
    sizes = {"input": _size(inputs)}
    block = "input"
    for name, layer in network.named_children():
        block = name.rpartition("_")[0] or block
        inputs = layer(inputs)
        blocks.setdefault(block, []).append(_box(layer))
        sizes[block] = _size(inputs)
    return [
        Row(drawing.label(name), sizes[name], _compared(boxes))
        for name, boxes in blocks.items()
    ]


def loss_row(smoothing: float) -> Row:
    """What makes the loss of the network's outputs and the labels."""
    boxes = [Box("cross-\nentropy", "loss")]
    if smoothing:
        boxes.append(Box(f"label smoothing\n{smoothing:g}", "loss", span=2))
    return Row("loss", "with the labels", boxes)


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
    end = 0.0
    for number, row in enumerate(rows):
        y = PITCH * (number + 0.5)
        if number:
            _draw_wire(axis, end, y)
        end = _draw_row(axis, row, y)
    drawing.set_title(figure, title)
    return figure


def _draw_row(axis: Axes, row: Row, y: float) -> float:
    """Draw the row, and return where its last box ends."""
    style = {"va": "center", "fontsize": drawing.SMALL}
    axis.text(0.04, y - 0.09, lettering.fitted(row.name, NAMES), **style)
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


def _draw_wire(axis: Axes, end: float, y: float) -> None:
    """From the end of the row above to the first box of the row at y."""
    between, top = y - PITCH / 2, y - BOX[1] / 2
    right, left = end - BOX[0] / 2, NAMES + BOX[0] / 2
    axis.plot(
        [right, right, left, left],
        [top - PITCH + BOX[1], between, between, top],
        **WIRE,
    )
    axis.plot(left, top - 0.03, "v", markersize=3.5, color=WIRE["color"])


def _compared(boxes: Sequence[Box]) -> list[Box]:
    """The boxes of a block, marked where batch norm does not follow a convolution, and
    the activation that.
    """
    kinds = [box.kind for box in boxes]
    if not {"conv", "activation"} <= set(kinds):
        return list(boxes)
    if "norm" not in kinds:
        return [*boxes[:1], Box("no\nnorm", "missing"), *boxes[1:]]
    is_after = kinds.index("norm") > kinds.index("activation")
    changed = {"norm", "activation"} if is_after else set()
    if boxes[kinds.index("norm")].text != "batch\nnorm":
        changed.add("norm")
    return [replace(box, differs=box.kind in changed) for box in boxes]


def _box(layer: nn.Module) -> Box:
    match layer:
        case nn.Conv2d():
            side = layer.kernel_size[0]
            return Box(f"conv\n{side} x {side}", "conv")
        case nn.Linear():
            return Box("linear", "linear")
        case nn.BatchNorm2d():
            return Box("batch\nnorm", "norm")
        case nn.GroupNorm(num_groups=1):
            return Box("layer\nnorm", "norm")
        case nn.GroupNorm():
            return Box(f"group\nnorm {layer.num_groups}", "norm")
        case nn.ReLU():
            return Box("ReLU", "activation")
        case ScaledReLU():
            return Box("scaled\nReLU", "activation")
        case Softplus():
            return Box("softplus", "activation")
        case nn.MaxPool2d():
            side = layer.kernel_size
            return Box(f"max-pool\n{side} x {side}", "pool")
        case Scale():
            return Box(f"x {layer.factor:.3g}", "scale")
        case _:
            return Box(type(layer).__name__.lower(), "data")


def _size(outputs: Tensor) -> str:
    return " x ".join(map(str, outputs.shape[1:]))

"""Pictures of networks, drawn from the network objects themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn

from normscope.networks.activations.softplus import Softplus
from normscope.networks.chains import ScaledReLU
from normscope.networks.conv_net import Scale

PITCH = 0.34  # from layer to layer, in inches, as all lengths here
COLOURS = {
    "data": "white",
    "weights": "#FFF0A5",
    "norm": "#F7B2AD",
    "activation": "#B8E6DC",
    "pool": "#B5D0F0",
    "scale": "#E3D5F2",
    "loss": "#E4E4E4",
}


@dataclass(frozen=True)
class Box:
    """A box by its centre; the text of one that is higher than wide is turned."""

    text: str
    kind: str
    x: float
    y: float = 0.0
    width: float = 0.25
    height: float = 1.1
    note: str = ""


Boxes = dict[str, Box]
Arrows = list[tuple[str, str]]


@torch.no_grad()
def layer_boxes(network: nn.Sequential, inputs: Tensor) -> tuple[Boxes, Arrows]:
    """A box per layer, with the size of its outputs for these inputs."""
    boxes = {"input": Box("input", "data", 0, note=_size(inputs))}
    for column, (name, layer) in enumerate(network.named_children(), 1):
        inputs = layer(inputs)
        boxes[name] = Box(*_words(layer), column * PITCH, note=_size(inputs))
    return boxes, list(pairwise(boxes))


def loss_boxes(outputs: Box, smoothing: float) -> tuple[Boxes, Arrows]:
    """What turns the outputs, named flatten, into the loss and the correct answers."""
    near, middle, far = (outputs.x + step for step in (0.85, 2.15, 3.3))
    boxes = {
        "labels": _wide("labels", "data", near, -0.7),
        "correct": _wide("correct", "loss", middle, -0.4),
        "entropy": _wide("cross-entropy", "loss", middle, 0.1),
    }
    arrows = [("labels", "entropy"), ("labels", "correct"), ("flatten", "correct")]
    if not smoothing:
        return boxes, [*arrows, ("flatten", "entropy")]
    boxes |= {
        "logp": _wide("log-softmax", "loss", near, 0.1),
        "mean": _wide("- class mean", "loss", middle, 0.5),
        "loss": _wide(f"sum, 1 : {smoothing:g}", "loss", far, 0.1),
    }
    through = [("flatten", "logp"), ("logp", "entropy"), ("logp", "mean")]
    return boxes, [*arrows, *through, ("entropy", "loss"), ("mean", "loss")]


def _wide(text: str, kind: str, x: float, y: float) -> Box:
    return Box(text, kind, x, y, width=0.9, height=0.24)


def draw_diagram(boxes: Boxes, arrows: Arrows, title: str) -> Figure:
    """The boxes, in one another's frames as their names say, and arrows."""
    right = max(box.x + box.width / 2 for box in boxes.values())
    figure = Figure((max(right + 0.4, 4), 2.4))
    axis = figure.subplots()
    axis.set(xlim=(-0.3, figure.get_figwidth() - 0.3), ylim=(-1.1, 1.3))
    axis.set_axis_off()
    for depth in (1, 2):
        frames = {name: tuple(name.split("_")[:-1][:depth]) for name in boxes}
        for frame in dict.fromkeys(frames.values()):
            if len(frame) == depth:
                members = [boxes[name] for name in boxes if frames[name] == frame]
                _draw_frame(axis, frame[-1], members, depth)
    for box in boxes.values():
        _draw_box(axis, box)
    for source, target in arrows:
        start, end = boxes[source], boxes[target]
        axis.annotate(
            "",
            (end.x - end.width / 2, end.y),
            (start.x + start.width / 2, start.y),
            arrowprops={"arrowstyle": "-|>,head_length=.2,head_width=.1",
                        "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
    axis.text(-0.2, 1.22, title, va="top")
    return figure


def _draw_box(axis: Axes, box: Box) -> None:
    _draw_patch(axis, box.x, box.y, box.width, box.height, COLOURS[box.kind], "0.4")
    axis.text(
        box.x, box.y, box.text, ha="center", va="center", fontsize=7.5,
        rotation=90 if box.height > box.width else 0,
    )  # fmt: skip
    axis.text(
        box.x, box.y - box.height / 2 - 0.04, box.note, ha="center", va="top",
        fontsize=5.5, color="0.35", linespacing=1,
    )  # fmt: skip


def _draw_frame(axis: Axes, name: str, members: Sequence[Box], depth: int) -> None:
    left, right = members[0].x, members[-1].x
    margin, top = 0.17 - 0.013 * depth, 0.86 - 0.14 * (depth - 1)
    height = top + 0.94 - 0.05 * depth
    _draw_patch(
        axis, (left + right) / 2, top - height / 2, right - left + 2 * margin, height,
        ("0.5", 0.12), "none",
    )  # fmt: skip
    axis.text(left - margin + 0.05, top - 0.02, name, va="top", fontsize=7)


def _draw_patch(axis, x, y, width, height, colour, edge) -> None:
    axis.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            facecolor=colour,
            edgecolor=edge,
            linewidth=0.6,
            boxstyle="round,pad=0,rounding_size=0.05",
        )
    )


def _words(layer: nn.Module) -> tuple[str, str]:
    match layer:
        case nn.Conv2d():
            side = layer.kernel_size[0]
            return f"conv {side}x{side}", "weights"
        case nn.Linear():
            return "linear", "weights"
        case nn.BatchNorm2d():
            return "batch norm", "norm"
        case nn.GroupNorm(num_groups=1):
            return "layer norm", "norm"
        case nn.GroupNorm():
            return f"group norm {layer.num_groups}", "norm"
        case nn.ReLU():
            return "ReLU", "activation"
        case ScaledReLU():
            return "scaled ReLU", "activation"
        case Softplus():
            return "softplus", "activation"
        case nn.MaxPool2d():
            return f"max-pool {layer.kernel_size}", "pool"
        case Scale():
            return f"x {layer.factor:.3g}", "scale"
        case _:
            return type(layer).__name__.lower(), "data"


def _size(outputs: Tensor) -> str:
    channels, *sides = outputs.shape[1:]
    return f"{channels}\n{sides[0]}²" if sides else f"{channels}"

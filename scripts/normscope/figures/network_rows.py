"""The rows of a network's diagram, from the network object itself."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor, nn

from normscope.figures import drawing
from normscope.figures.diagrams import MOST, Box, Row
from normscope.figures.network_boxes import box_of
from normscope.networks.layers import CONTAINERS, looking
from normscope.networks.residual import Add

SHORTCUT = "_shortcut"
PAIR = 2  # blocks that a shortcut goes around
Ran = list[tuple[str, nn.Module, str]]  # name, layer and size of the outputs


def rows_of(network: nn.Module, inputs: Tensor) -> list[Row]:
    """A row for each block of a conv net or chain, after one for these inputs.

    A block are layers that are called alike up to their kind (layer1_conv, layer1_norm,
    ...), and those after it that belong to no block. A shortcut is below the blocks
    that it goes around. What is not as with batch norm before the activation is marked,
    and a norm that is missing has a box.
    """
    blocks = {"input": []}
    sizes = {"input": _size(inputs)}
    block = "input"
    for name, layer, size in _ran(network, inputs):
        if isinstance(layer, Add):
            block = f"{name.removesuffix('_add')}_extra"
        else:
            is_full = len(_compared(blocks[block])) == MOST
            block = name.rpartition("_")[0] or (name if is_full else block)
        blocks.setdefault(block, []).append(box_of(layer))
        sizes[block] = size
    return [
        Row(
            "shortcut" if name.endswith(SHORTCUT) else drawing.label(name),
            sizes[name],
            boxes if name.endswith(SHORTCUT) else _compared(boxes),
            PAIR if name.endswith(SHORTCUT) else 0,
        )
        for name, boxes in blocks.items()
    ]


def rows_of_module(network: nn.Module, inputs: Tensor) -> list[Row]:
    """A row, or more, for each part of any module that has layers, as they run, after
    one for these inputs.

    A part is an outermost module of a class of its own, or layers beside such parts.
    Parts that follow one another with the same layers and sizes are one.
    """
    rows = [Row("input", _size(inputs), [Box("input", "data")])]
    parts = [
        (part, [*layers])
        for part, layers in groupby(
            _ran(network, inputs), key=lambda ran: _part(network, ran[0])
        )
    ]
    alike = groupby(
        parts, key=lambda part: [(box_of(layer), size) for _, layer, size in part[1]]
    )
    for drawn, group in alike:
        names, layers = zip(*group, strict=True)
        boxes, (*_, (_, size)) = [box for box, _ in drawn], drawn
        name = _range(names) if names[0] else _range([ran[0] for ran in layers[0]])
        for start in range(0, len(boxes), MOST):
            words = ("", "") if start else (name, size)
            rows.append(Row(*words, boxes[start : start + MOST]))
    return rows


def loss_row(smoothing: float) -> Row:
    """What makes the loss of the network's outputs and the labels."""
    boxes = [Box("cross-\nentropy", "loss")]
    if smoothing:
        boxes.append(Box(f"label smoothing\n{smoothing:g}", "loss", span=2))
    return Row("loss", "with the labels", boxes)


def _part(network: nn.Module, layer: str) -> str:
    """The outermost module around a layer, by its name, that is no mere container, or
    the innermost container.
    """
    *names, _ = layer.split(".")
    path = ""
    for name in names:
        path = f"{path}.{name}" if path else name
        if not isinstance(network.get_submodule(path), CONTAINERS):
            break
    return path


def _range(names: Sequence[str]) -> str:
    """The first and the last name, without what they have in common."""
    first, last = names[0], names[-1].rpartition(".")[2]
    words = first if len(names) == 1 else f"{first} to {last}"
    return drawing.label(words.replace(".", " "))


@torch.no_grad()
def _ran(network: nn.Module, inputs: Tensor) -> Ran:
    """The layers as they run."""
    found: Ran = []

    def look(name: str, layer: nn.Module, outputs: Tensor) -> None:
        found.append((name, layer, _size(outputs)))

    with looking(network, look):
        network(inputs)
    return found


def _compared(boxes: Sequence[Box]) -> list[Box]:
    """The boxes of a block, marked where batch norm does not follow a convolution, and
    the activation that.
    """
    kinds = [box.kind for box in boxes]
    if not {"conv", "activation"} <= set(kinds):
        return list(boxes)
    if "norm" not in kinds and boxes[0].differs:  # a norm of weights
        return list(boxes)
    if "norm" not in kinds:
        return [*boxes[:1], Box("no\nnorm", "missing"), *boxes[1:]]
    is_after = kinds.index("norm") > kinds.index("activation")
    changed = {"norm", "activation"} if is_after else set()
    if boxes[kinds.index("norm")].text != "batch\nnorm":
        changed.add("norm")
    return [replace(box, differs=box.kind in changed) for box in boxes]


def _size(outputs: Tensor) -> str:
    return " x ".join(map(str, outputs.shape[1:]))

"""The rows of a network's diagram, from the network object itself."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from normscope.figures import drawing
from normscope.figures.diagrams import MOST, Box, Row
from normscope.figures.network_boxes import box_of
from normscope.networks.layers import looking
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


def loss_row(smoothing: float) -> Row:
    """What makes the loss of the network's outputs and the labels."""
    boxes = [Box("cross-\nentropy", "loss")]
    if smoothing:
        boxes.append(Box(f"label smoothing\n{smoothing:g}", "loss", span=2))
    return Row("loss", "with the labels", boxes)


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

"""The rows of the diagram of a module of the user's own."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from torch import Tensor, nn

from normscope.figures import drawing
from normscope.figures.diagrams import MOST, SOURCE, SUM, Box, Row
from normscope.figures.module_runs import INPUT, Run, runs_of
from normscope.figures.network_boxes import box_of
from normscope.networks.layers import CONTAINERS

IMAGES = "images"
# Functions of several outputs: as boxes, and what later boxes call them.
JOINS = {
    "add": (SUM, "sum"),
    "sub": ("-", "difference"),
    "mul": ("x", "product"),
    "cat": ("concat", "concat"),
    "scaled_dot_product_attention": ("attention", "attention"),
}
Part = list[int]  # positions of runs that follow one another


def rows_of_module(network: nn.Module, inputs: Tensor) -> list[Row]:
    """A row, or more, for each part of any module that has layers, as they run, after
    one for these inputs.

    A part is an outermost module of a class of its own, or layers beside such parts.
    Parts that follow one another with the same boxes and sizes are one. What takes the
    outputs of several runs names those that are not drawn just before it. A branch that
    starts elsewhere is a row of its own, which begins with where it starts.
    """
    runs = runs_of(network, inputs)
    parts = [
        (around, [place for place, _ in group])
        for around, group in groupby(
            zip(range(1, len(runs)), _arounds(network, runs), strict=True),
            key=lambda placed: placed[1],
        )
    ]
    rows = [Row(INPUT, _size(runs[0]), [Box(INPUT, "data")])]
    alike = groupby(
        parts,
        key=lambda part: (_lines(runs, *part), [runs[place].size for place in part[1]]),
    )
    for (lines, _), group in alike:
        arounds, (places, *_) = zip(*group, strict=True)
        layers = [runs[place].name for place in places if runs[place].layer is not None]
        names = arounds if arounds[0] else layers
        words = (_range(names), _size(runs[places[-1]]))
        for line in lines:
            rows.append(Row(*words, line))
            words = ("", "")
    return rows


def _arounds(network: nn.Module, runs: Sequence[Run]) -> list[str]:
    """The part that each run but the inputs is in: a join, the one before it."""
    found = [""]
    for run in runs[1:]:
        found.append(found[-1] if run.layer is None else _part(network, run.name))
    return found[1:]


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


def _lines(runs: Sequence[Run], around: str, places: Part) -> list[list[Box]]:
    """The boxes of a part, by the rows that they are in."""

    def called(place: int) -> str:
        if place == places[0] - 1:
            return INPUT
        if place == 0:
            return IMAGES
        run = runs[place]
        if run.layer is None:
            return _join(run)[1]
        return run.name.removeprefix(f"{around}.").replace(".", " ")

    lines: list[list[Box]] = [[]]
    for place in places:
        run, before = runs[place], place - 1
        *others, source = sorted(
            run.sources or [before], key=lambda source: (source == before, source)
        )
        if source != before:
            lines.append([Box(f"from\n{called(source)}", SOURCE)])
        elif len(lines[-1]) == MOST:
            lines.append([])
        is_join = run.layer is None
        box = Box(_join(run)[0], "sum") if is_join else box_of(run.layer)
        if others and "\n" not in box.text:
            words = called(others[0]) if len(others) == 1 else f"{len(others)} more"
            box = replace(box, text=f"{box.text}\n{words}")
        lines[-1].append(box)
    return [line for line in lines if line]


def _join(run: Run) -> tuple[str, str]:
    return JOINS.get(run.name, (run.name, run.name))


def _range(names: Sequence[str]) -> str:
    """The first and the last name, without what they have in common."""
    first, last = names[0], names[-1].rpartition(".")[2]
    words = first if len(names) == 1 else f"{first} to {last}"
    return drawing.label(words.replace(".", " "))


def _size(run: Run) -> str:
    return " x ".join(map(str, run.size))

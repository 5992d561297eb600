"""What the page of a run is made of: sections, with claims beside what they judge."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from markupsafe import Markup

from normscope.page.pictures import Picture
from normscope.page.prose import Block
from normscope.results.measures import evaluate
from normscope.results.runs import Missing, Seed


class Numbers:
    """Measures of a run for the sentences of a page: medians over its seeds."""

    def __init__(self, seeds: Sequence[Seed]) -> None:
        self.seeds = seeds

    def __call__(self, form: str = ".3g", **measure: object) -> Markup:
        """The measure in bold, or that it has not been measured."""
        value = self._median(measure)
        if not isfinite(value):
            return Markup("<i>(not measured)</i>")
        written = f"{value:{form}}".replace("%", "\N{NO-BREAK SPACE}%")
        return Markup("<b>{}</b>").format(written)

    def _median(self, measure: dict) -> float:
        try:
            return float(np.median([evaluate(measure, seed) for seed in self.seeds]))
        except Missing:
            return np.nan


@dataclass(frozen=True)
class Part:
    """Paragraphs and the figures, of one kind, that they lead to.

    `claims` stand beside it. `judged` are the ids of all claims that the figures are
    about.
    """

    paragraphs: list[tuple[Markup, ...]]
    kind: str
    claims: list[dict]
    judged: list[str]


@dataclass(frozen=True)
class Section:
    key: str
    title: str
    blocks: list[Part]


def sections(
    told: Mapping[str, Sequence[Block]],
    titles: Mapping[str, str],
    figures: Mapping[str, Mapping],
    claims: Sequence[dict],
) -> list[Section]:
    """The sections in the order in which they are told.

    A figure that the story does not place is at the end of its section. A claim stands
    beside the paragraph that has its sentence, else beside the first of its figures in
    its section, else at the section's end.
    """
    by_kind = {kind: _judged(row["number"], claims) for kind, row in figures.items()}
    found = []
    for key, blocks in told.items():
        placed = {block.figure for block in blocks}
        rest = [
            Block(figure=kind)
            for kind, row in figures.items()
            if row["section"] == key and kind not in placed
        ]
        left = {
            claim["id"]: claim for claim in claims if claim["section"] == titles[key]
        }
        said = {each for block in blocks for each in block.claims}
        parts, paragraphs, mine = [], [], []
        for block in [*blocks, *rest]:
            judged = by_kind.get(block.figure, [])
            here = block.claims or [each for each in judged if each not in said]
            mine += [left.pop(each) for each in here if each in left]
            if block.figure:
                parts.append(Part(paragraphs, block.figure, mine, judged))
                paragraphs, mine = [], []
            else:
                paragraphs = [*paragraphs, block.sentences]
        if paragraphs or not parts:
            parts.append(Part(paragraphs, "", mine, []))
        parts[-1].claims.extend(left.values())
        found.append(Section(key, titles[key], parts))
    return found


def _judged(number: int | Mapping[str, int], claims: Iterable[dict]) -> list[str]:
    """The ids of the claims that are judged by a figure of that number, or numbers."""
    numbers = {number} if isinstance(number, int) else {*number.values()}
    return [
        claim["id"]
        for claim in claims
        if numbers & {*map(int, claim["figures"].split())}
    ]


def places(claim: Mapping, pictures: Iterable[Picture]) -> list[tuple[str, int]]:
    """The anchors and numbers of the figures that a claim is judged by."""
    numbers = {*map(int, claim["figures"].split())}
    return [(each.anchor, each.number) for each in pictures if each.number in numbers]

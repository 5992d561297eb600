"""What the page of a run is made of: figures to embed, numbers for its sentences."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from markupsafe import Markup

from normscope.figures.drawing import TIP, label
from normscope.results.measures import evaluate
from normscope.results.runs import Missing, Seed


@dataclass(frozen=True)
class Picture:
    """A figure to embed: `data` of an image, or an `svg` that answers the pointer."""

    number: int
    name: str
    file: str
    data: str = ""
    svg: str = ""

    @property
    def label(self) -> str:
        return label(self.name)


def pictures(
    paths: Iterable[str], figures: Mapping[str, Mapping]
) -> dict[str, list[Picture]]:
    """The pictures at the paths by their kind, one of the figures, in that order.

    A file is called NN_<kind> or NN_<kind>_<name>. Those whose `interactive` is true
    are embedded as elements of the page.
    """
    found: dict[str, list[Picture]] = {}
    for path in paths:
        number, what = Path(path).stem.split("_", 1)
        # The longest, as one kind may begin as another.
        kinds = (kind for kind in figures if f"{what}_".startswith(f"{kind}_"))
        kind = max(kinds, key=len, default=what)
        name = what.removeprefix(kind).removeprefix("_")
        svg = compact(Path(path).read_text(encoding="utf-8"))
        is_element = figures.get(kind, {}).get("interactive")
        content = {"svg": answer(svg)} if is_element else {"data": inline(svg)}
        found.setdefault(kind, []).append(
            Picture(int(number), name, Path(path).name, **content)
        )
    return found


def compact(svg: str) -> str:
    """The drawing without its header, coordinates rounded to a hundredth of a point."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return re.sub(
        r'\bd="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg
    )


def inline(svg: str) -> str:
    """The drawing as a data URL."""
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def answer(svg: str) -> Markup:
    """The drawing as an element whose marks carry what to say under the pointer."""
    return Markup(re.sub(rf'id="{TIP}([^"]*)"', r'data-tip="\1"', svg))


class Numbers:
    """Measures of a run for the sentences of a page: medians over its seeds."""

    def __init__(self, seeds: Sequence[Seed]) -> None:
        self.seeds = seeds

    def __call__(
        self, quantity: str | None = None, form: str = ".3g", **measure: object
    ) -> Markup:
        """The measure in bold, or that it has not been measured.

        A quantity alone stands for `measure=quantity`; see `measures.evaluate`.
        """
        if quantity:
            measure["measure"] = quantity
        value = self._median(measure)
        if not isfinite(value):
            return Markup("<i>(not measured)</i>")
        return Markup("<b>{}</b>").format(f"{value:{form}}")

    def _median(self, measure: dict) -> float:
        try:
            return float(np.median([evaluate(measure, seed) for seed in self.seeds]))
        except Missing:
            return np.nan

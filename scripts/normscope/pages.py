"""HTML pages: templates filled with figures, numbers and verdicts, in one file each."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from normscope.drawing import TIP, label
from normscope.quantities import QUANTITIES
from normscope.seeds import Missing, Seed

TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **values: object) -> str:
    """The template of that name filled with the values."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def claims_of(table: pd.DataFrame) -> list[dict]:
    """The rows of claims.csv, each with its measures as `parts`."""
    rows = table.fillna("").to_dict("records")
    for row in rows:
        columns = (
            row[name].split("; ") for name in ("criterion", "measured", "article")
        )
        row["parts"] = list(zip(*columns, strict=True))
    return rows


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
    paths: Iterable[str], kinds: Sequence[str], answering: Sequence[str]
) -> dict[str, list[Picture]]:
    """The figures, by what they show, in the order of the paths.

    Those called NN_<kind>_<name> stand under their kind. The `answering` are embedded
    as elements of the page.
    """
    found: dict[str, list[Picture]] = {}
    for path in paths:
        number, what = Path(path).stem.split("_", 1)
        kind = next((kind for kind in kinds if what.startswith(f"{kind}_")), what)
        name = what.removeprefix(kind).removeprefix("_")
        svg = compact(Path(path).read_text(encoding="utf-8"))
        content = {"svg": answer(svg)} if kind in answering else {"data": inline(svg)}
        found.setdefault(kind, []).append(
            Picture(int(number), name, Path(path).name, **content)
        )
    return found


def compact(svg: str) -> str:
    """The drawing alone, its curves to a hundredth of a point."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return re.sub(
        r'\bd="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg
    )


def inline(svg: str) -> str:
    """The drawing as the address of an image."""
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def answer(svg: str) -> Markup:
    """The drawing as an element whose marks carry what to say under the pointer."""
    return Markup(re.sub(rf'id="{TIP}([^"]*)"', r'data-tip="\1"', svg))


class Numbers:
    """Quantities of a run for the sentences of a page: medians over its seeds."""

    def __init__(self, seeds: Sequence[Seed]) -> None:
        self.seeds = seeds

    def __call__(self, quantity: str, form: str = ".3g", **arguments: object) -> Markup:
        """The quantity in bold, or that it has not been measured."""
        function = QUANTITIES[quantity]
        try:
            value = np.median(
                [float(function(seed, **arguments)) for seed in self.seeds]
            )
        except (Missing, OSError):
            value = np.nan
        if not isfinite(value):
            return Markup("<i>(not measured)</i>")
        return Markup("<b>{}</b>").format(f"{value:{form}}")

"""HTML from templates, in one file each."""

import re
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from normscope.page.prose import OUTCOMES

TEMPLATES = Path(__file__).resolve().parent / "templates"
# What can come of a claim, in the order in which pages count them: how it is marked.
MARKS = {
    "holds": "holds",
    "differs": "differs",
    "undecided": "undecided",
    "seen at every seed": "seen",
    "seen at some seeds": "seen",
    "seen at no seed": "seen",
    "not measured": "missing",
    "reported": "missing",
}


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
    """The rows of claims.csv, each with its measures as `parts`.

    Each has also its `outcome`, how that is marked, and the `group` of like outcomes.
    """
    rows = table.fillna("").to_dict("records")
    for row in rows:
        columns = (
            row[name].split("; ")
            for name in ("criterion", "measured", "margin", "article")
        )
        row["parts"] = list(zip(*columns, strict=True))
        row["outcome"] = outcome(row["verdict"])
        row["mark"] = MARKS[row["outcome"]]
        row["group"] = OUTCOMES[row["outcome"]]
    return rows


def outcome(verdict: str) -> str:
    """What came of a claim, a key of MARKS, from its verdict."""
    if not (seen := re.fullmatch(r"seen in (\d+) of (\d+)", verdict)):
        return verdict
    passed, counted = map(int, seen.groups())
    if passed == counted:
        return "seen at every seed"
    return "seen at some seeds" if passed else "seen at no seed"


def tally(table: pd.DataFrame, kind: str = "measured") -> dict[str, int]:
    """How many of the claims of a kind came out in each way, without those of none."""
    outcomes = table.verdict[table.kind == kind].map(outcome)
    counts = outcomes.value_counts()
    return {name: int(counts[name]) for name in MARKS if name in counts}

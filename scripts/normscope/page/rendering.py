"""HTML from templates, in one file each."""

from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

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

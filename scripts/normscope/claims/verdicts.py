"""Whether the article's claims hold in a run: their criteria applied to quantities."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from normscope.results.measures import KINDS, evaluate
from normscope.results.runs import Missing, Seed

CRITERIA = ("at_least", "at_most")
# Of claims.csv.
COLUMNS = dict.fromkeys(
    (
        "id", "section", "claim", "article", "measured", "per_seed", "criterion",
        "verdict", "reason", "note", "figures",
    ),
    "text",
)  # fmt: skip


def judge(claim: Mapping, seeds: Sequence[Seed]) -> dict[str, str]:
    """The claim's row of COLUMNS.

    It holds if the median over seeds of every measure meets its criterion, differs if
    one does not, and is not measured if one is missing or not finite.
    """
    rows = [_measure(measure, seeds) for measure in claim["measures"]]
    row = {
        column: "; ".join(row[column] for row in rows)
        for column in ("article", "measured", "per_seed", "criterion")
    }
    reasons = list(dict.fromkeys(row["reason"] for row in rows if row["reason"]))
    verdicts = {row["verdict"] for row in rows}
    verdict = next(
        verdict
        for verdict in ("not measured", "differs", "holds")
        if verdict in verdicts
    )
    return {
        "id": claim["id"],
        "section": claim["section"],
        "claim": claim["claim"],
        **row,
        "verdict": verdict,
        "reason": "; ".join(reasons),
        "note": claim.get("note", ""),
        "figures": " ".join(claim["figures"]),
    }


def _measure(measure: Mapping, seeds: Sequence[Seed]) -> dict[str, str]:
    asked = {key: measure[key] for key in measure if key not in ("article", *CRITERIA)}
    row = {
        "article": f"{measure['article']:g}" if "article" in measure else "-",
        "criterion": describe(measure),
        "measured": "-",
        "per_seed": "-",
        "reason": "",
    }
    try:
        values = [evaluate(asked, seed) for seed in seeds]
    except Missing as problem:
        return row | {"verdict": "not measured", "reason": str(problem)}
    row["per_seed"] = " ".join(f"{value:.3g}" for value in values)
    if not all(map(isfinite, values)):
        return row | {"verdict": "not measured", "reason": "a value is not finite"}
    median = np.median(values)
    row["measured"] = f"{median:.3g}"
    if len(values) > 1:
        row["measured"] += f" ({min(values):.3g} to {max(values):.3g})"
    kept = [meets(value, measure) for value in values]
    if 0 < sum(kept) < len(kept):
        row["reason"] = f"{_name(measure)}: {sum(kept)} of {len(kept)} seeds"
    return row | {"verdict": "holds" if meets(median, measure) else "differs"}


def meets(value: float, criterion: Mapping) -> bool:
    """Whether the value is within at_least and at_most, as far as they are given."""
    least, most = criterion.get("at_least", -np.inf), criterion.get("at_most", np.inf)
    return bool(least <= value <= most)


def describe(measure: Mapping) -> str:
    """A measure and its criterion in words: "ratio of best rate (of x, to y) >= 3"."""
    left_out = ("article", "take", *KINDS, *CRITERIA)
    detail = ", ".join(
        f"{key} {value}".replace("_", " ")
        for key, value in measure.items()
        if key not in left_out
    )
    bounds = [measure.get(key) for key in CRITERIA]
    if None not in bounds:
        bound = f"in [{bounds[0]:g}, {bounds[1]:g}]"
    else:
        bound = f">= {bounds[0]:g}" if bounds[1] is None else f"<= {bounds[1]:g}"
    name = _name(measure)
    return f"{name} ({detail}) {bound}" if detail else f"{name} {bound}"


def _name(measure: Mapping) -> str:
    """The quantity in words, and what of it, as in "largest norm means"."""
    kind = next(kind for kind in KINDS if kind in measure)
    quantities = measure[kind]
    if not isinstance(quantities, str):
        quantities = " to ".join(quantities)
    words = [measure.get("take", ""), "" if kind == "measure" else f"{kind} of"]
    return " ".join([*filter(None, words), quantities]).replace("_", " ")

"""Whether the article's claims hold in a run: their criteria applied to quantities."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from normscope import tables
from normscope.quantities import QUANTITIES
from normscope.seeds import Missing, Seed

CRITERIA = ("at_least", "at_most")
COLUMNS = tuple(tables.LAYOUTS["claims.csv"])


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
    arguments = {
        key: value
        for key, value in measure.items()
        if key not in ("measure", "article", *CRITERIA)
    }
    function = QUANTITIES[measure["measure"]]
    row = {
        "article": f"{measure['article']:g}" if "article" in measure else "-",
        "criterion": describe(measure, arguments),
        "measured": "-",
        "per_seed": "-",
        "reason": "",
    }
    try:
        values = [float(function(seed, **arguments)) for seed in seeds]
    except (Missing, OSError) as problem:
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
        row["reason"] = f"{measure['measure']}: {sum(kept)} of {len(kept)} seeds"
    return row | {"verdict": "holds" if meets(median, measure) else "differs"}


def meets(value: float, criterion: Mapping) -> bool:
    """Whether the value is within at_least and at_most, as far as they are given."""
    least, most = criterion.get("at_least", -np.inf), criterion.get("at_most", np.inf)
    return bool(least <= value <= most)


def describe(measure: Mapping, arguments: Mapping) -> str:
    """A measure and its criterion in words: "ratio of gradients (...) >= 3"."""
    name = measure["measure"].replace("_", " ")
    detail = ", ".join(
        f"{key} {value}".replace("_", " ") for key, value in arguments.items()
    )
    bounds = [measure.get(key) for key in CRITERIA]
    if None not in bounds:
        bound = f"in [{bounds[0]:g}, {bounds[1]:g}]"
    else:
        bound = f">= {bounds[0]:g}" if bounds[1] is None else f"<= {bounds[1]:g}"
    return f"{name} ({detail}) {bound}" if detail else f"{name} {bound}"

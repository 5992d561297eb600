"""Whether the article's claims hold in a run: their criteria applied to quantities.

A unit, such as a seed or an untrained chain, passes a claim or fails it. An exact sign
test at 5 % gives the verdict. The claim holds if the test says that more than half of
all possible units pass. It differs if the test says that more than half fail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from scipy.stats import binomtest

from normscope.claims.wording import CRITERIA, describe, name, number
from normscope.results.measures import evaluate
from normscope.results.runs import Missing, Seed

LEVEL = 0.05  # of the sign test, one-sided: five of five units are enough
LEAST = 5  # units for a verdict
ROUNDING = 1e-9  # of a value that is at its bound: 0.7 - 0.4 is below 0.3
# Of claims.csv.
COLUMNS = dict.fromkeys(
    (
        "id", "section", "kind", "claim", "article", "measured", "per_seed",
        "criterion", "margin", "passed", "verdict", "article_verdict", "reason", "note",
        "figures",
    ),
    "text",
)  # fmt: skip
UNITS = {"seeds": "seeds", "chains": "chains", "all_chains": "set of all chains"}


@dataclass(frozen=True)
class Measured:
    """A measure of a claim with its value in each unit, or why there is none."""

    measure: Mapping
    values: list[float | Missing]

    @property
    def found(self) -> list[float]:
        """The values that there are."""
        return [value for value in self.values if isinstance(value, float)]


def judge(
    claim: Mapping, units: Mapping[str, Sequence[Seed]], quantities: Mapping
) -> dict[str, str]:
    """The claim's row of COLUMNS; `units` are those of the run, by their kind, and
    `quantities` what quantities.yaml says of their words and forms.

    A unit passes if all of the claim's measures are within their bounds, and fails if
    one is outside of them, even where another is missing.
    """
    over, kind = claim.get("units", "seeds"), claim.get("kind", "measured")
    judged = [
        Measured(measure, [_value(measure, unit) for unit in units[over]])
        for measure in claim["measures"]
    ]
    outcomes = [passes(judged, index) for index in range(len(units[over]))]
    passed, failed, of = outcomes.count(True), outcomes.count(False), len(outcomes)
    # One number over many chains needs no test, like a check.
    rule = "check" if over == "all_chains" else kind
    rows = [_row(each, quantities) for each in judged]
    columns = ("article", "measured", "per_seed", "criterion", "margin")
    return {
        "id": claim["id"],
        "section": claim["section"],
        "kind": kind,
        "claim": claim["claim"],
        **{column: "; ".join(row[column] for row in rows) for column in columns},
        "passed": f"{passed} of {of} {UNITS[over]}" if passed + failed else "-",
        "verdict": verdict(rule, passed, failed, of),
        "article_verdict": article_verdict(claim["measures"]),
        "reason": "; ".join(_reasons(judged, quantities)),
        "note": claim.get("note", ""),
        "figures": " ".join(claim["figures"]),
    }


def _value(measure: Mapping, unit: Seed) -> float | Missing:
    asked = {key: measure[key] for key in measure if key not in ("article", *CRITERIA)}
    try:
        value = evaluate(asked, unit)
    except Missing as problem:
        return problem
    return value if isfinite(value) else Missing("a value is not finite")


def passes(judged: Sequence[Measured], index: int) -> bool | None:
    """Whether all measures of a unit are within their bounds.

    None if that is not known, as one is missing and none is outside.
    """
    met = [
        meets(value, each.measure) if isinstance(value, float) else None
        for each in judged
        for value in [each.values[index]]
    ]
    return False if False in met else None if None in met else True


def verdict(rule: str, passed: int, failed: int, of: int) -> str:
    """The verdict on a claim from the numbers of units that pass, fail, and of all.

    Units that do neither are not known, and count for neither side. A check holds if no
    unit fails. A property of the machine has no verdict. All else is put to the sign
    test; below five units only the count is given.
    """
    if not passed + failed:
        return "not measured"
    if rule == "machine":
        return "reported"
    if rule == "check":
        return "differs" if failed else "holds"
    if of < LEAST:
        return f"seen in {passed} of {of}"
    for word, count in (("holds", passed), ("differs", failed)):
        if binomtest(count, of, alternative="greater").pvalue < LEVEL:
            return word
    return "undecided"


def article_verdict(measures: Sequence[Mapping]) -> str:
    """What the article's own numbers say by the same criteria, where it has them."""
    known = [
        meets(measure["article"], measure)
        for measure in measures
        if "article" in measure
    ]
    if not known:
        return "-"
    if not all(known):
        return "differs"
    return "holds" if len(known) == len(measures) else "holds in part"


def meets(value: float, criterion: Mapping) -> bool:
    """Whether the value is within at_least and at_most, as far as they are given."""
    least, most = criterion.get("at_least", -inf), criterion.get("at_most", inf)
    return bool(least - ROUNDING <= value <= most + ROUNDING)


def margin(values: Sequence[float], criterion: Mapping) -> float:
    """Distance of the median to the nearest bound, in the values' standard deviations.

    Below 0 where the median is outside; nan for fewer than two values, and where all
    are the same.
    """
    if len(values) < 2 or not np.ptp(values):
        return float("nan")
    spread = np.std(values, ddof=1)
    median = np.median(values)
    least, most = criterion.get("at_least", -inf), criterion.get("at_most", inf)
    return float(min(median - least, most - median) / spread)


def _row(each: Measured, quantities: Mapping) -> dict[str, str]:
    values, measure = each.found, each.measure

    def show(value: object) -> str:
        is_number = isinstance(value, float | int)
        return number(value, measure, quantities) if is_number else "-"

    row = {
        "article": show(measure.get("article")),
        "criterion": describe(measure, quantities),
        "measured": "-",
        "per_seed": ", ".join(map(show, each.values)),
        "margin": "-",
    }
    if values:
        row["measured"] = show(float(np.median(values)))
        if len(values) > 1:
            row["measured"] += f" ({show(min(values))} to {show(max(values))})"
        distance = margin(values, measure)
        row["margin"] = f"{distance:.1f}" if isfinite(distance) else "-"
    return row


def _reasons(judged: Sequence[Measured], quantities: Mapping) -> list[str]:
    """Why values are missing, and which measures fail in some of the units."""
    reasons = []
    for each in judged:
        missing = [str(value) for value in each.values if isinstance(value, Missing)]
        reasons += dict.fromkeys(missing)
        kept = [meets(value, each.measure) for value in each.found]
        if 0 < sum(kept) < len(kept):
            what = name(each.measure, quantities)
            reasons.append(f"{what}: within its bounds in {sum(kept)} of {len(kept)}")
    return list(dict.fromkeys(reasons))

"""Measures and their criteria in words."""

from collections.abc import Mapping

from normscope.results.measures import KINDS

CRITERIA = ("at_least", "at_most")


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
    quantity = name(measure)
    return f"{quantity} ({detail}) {bound}" if detail else f"{quantity} {bound}"


def name(measure: Mapping) -> str:
    """The quantity in words, and what of it, as in "largest norm means"."""
    kind = next(kind for kind in KINDS if kind in measure)
    quantities = measure[kind]
    if not isinstance(quantities, str):
        quantities = " to ".join(quantities)
    words = [measure.get("take", ""), "" if kind == "measure" else f"{kind} of"]
    return " ".join([*filter(None, words), quantities]).replace("_", " ")

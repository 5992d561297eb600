"""Measures, their criteria and their values in the words of quantities.yaml."""

import re
from collections.abc import Mapping
from string import Formatter

from normscope.results.measures import KINDS, PLACES

CRITERIA = ("at_least", "at_most")
OWNERS = ("network", "experiment")
POINTS = "percentage points"  # a unit that says the % of a form
# Values in words: of any argument, or of the one that stands before them.
WORDS = {
    "batch_norm": "batch norm",
    "frozen": "frozen batch norm",
    "none": "no batch norm",
    "post": "post-activation batch norm",
    "frozen_post": "frozen post-activation batch norm",
    "batch_norm_low_rate": "batch norm at the rate of no batch norm",
    "relu": "the ReLU chain",
    "linear": "the linear chain",
    "scaled": "the chain of standardised ReLUs",
    "noise": "the untrained conv net without batch norm on noise",
    "images": "the untrained conv net without batch norm on images",
    "batch": "the untrained conv net with batch norm",
    "fixed": "the untrained conv net with frozen batch norm",
    "layer last": "the last layer",
    "moment variance": "variances",
    "moment third_moment": "third central moments",
    "matrix hessian": "Hessian",
    "matrix gauss_newton": "Gauss-Newton part of the Hessian",
    "removed mean": "the gradients of the mean logits",
    "removed all": "the gradients of the logits' first three moments",
    "removed placebo": "placebo gradients",
    "column mean": "the gradients of the mean logits",
    "column variance": "what gradients of variances add to those of the mean logits",
    "column total": "the gradients of the logits' first three moments",
}


def describe(measure: Mapping, quantities: Mapping) -> str:
    """The measure and its criterion: "<what>, <of whom>: needed at least 10 times"."""
    given = [key for key in CRITERIA if key in measure]
    bounds = dict.fromkeys(number(measure[key], measure, quantities) for key in given)
    at_one = "exactly" if len(given) > 1 else given[0].replace("_", " ")
    where = "between" if len(bounds) > 1 else at_one
    _, unit = _form_and_unit(measure, quantities)
    text = f"{name(measure, quantities)}: needed {where} {' and '.join(bounds)}"
    return f"{text} {unit}".rstrip()


def name(measure: Mapping, quantities: Mapping) -> str:
    """What is measured, and in which networks or experiments."""
    kind, quantity, _ = _asked(measure)
    of = "" if kind == "measure" else f"{kind} of the "
    text = (
        _compared(measure, quantities) if of else _words(quantity, measure, quantities)
    )
    if "take" in measure:
        text = f"the {measure['take']} {of}{text}"
    owners = [_in_words(key, measure[key]) for key in OWNERS if key in measure]
    return ", ".join([text, *owners])


def number(value: float, measure: Mapping, quantities: Mapping) -> str:
    """A value of the measure in its form: "0.84", or "84 %"."""
    form, unit = _form_and_unit(measure, quantities)
    text = format(value, form)
    if text.endswith("%"):  # 84 % for 84.0%, and 0 % for -0.0%
        text = f"{float(text[:-1]) + 0:g}" + ("" if unit == POINTS else " %")
    return text


def _asked(measure: Mapping) -> tuple[str, str, str]:
    """The kind of the measure and its two quantities, which may be one and the same."""
    kind = next(kind for kind in KINDS if kind in measure)
    names = measure[kind]
    return (kind, names, names) if isinstance(names, str) else (kind, *names)


def _form_and_unit(measure: Mapping, quantities: Mapping) -> tuple[str, str]:
    kind, quantity, _ = _asked(measure)
    if "ratio" in kind:
        is_more = kind == "ratio" and measure.get("at_least", 0) > 1
        return ".3g", "times" if is_more else ""
    entry = quantities.get(quantity, {})
    form, unit = entry.get("form", ".3g"), entry.get("unit", "")
    return form, POINTS if kind == "difference" and form.endswith("%") else unit


def _compared(measure: Mapping, quantities: Mapping) -> str:
    """One quantity here and there, or two quantities."""
    kind, first, last = _asked(measure)
    places = [key for key in PLACES if key in measure] or ["", ""]
    owners = [_in_words(key, measure[key]) for key in places if key]
    words = _words(first, measure, quantities, measure.get(places[0]))
    others = _words(last, measure, quantities, measure.get(places[1]))
    if kind == "log_distance_ratio":
        distances = "distance of {} from {} over that from {}".format(*owners)
        return f"{distances}, in the logarithm of the {words}"
    joint = "over" if kind == "ratio" else "minus"
    if words == others:
        return f"{words}, {owners[0]} {joint} {owners[1]}"
    ends = ["", ""] if first == last or not owners else [f", {o}" for o in owners]
    return f"{words}{ends[0]}, {joint} the {others}{ends[1]}"


def _words(
    quantity: str, measure: Mapping, quantities: Mapping, rest: object = None
) -> str:
    """The quantity with its arguments, `rest` where the measure does not give one."""
    if "words" not in quantities.get(quantity, {}):
        known = (*KINDS, *PLACES, *CRITERIA, *OWNERS, "take", "article")
        more = [f"{key} {measure[key]}" for key in measure if key not in known]
        return ", ".join([quantity, *more]).replace("_", " ")
    words = quantities[quantity]["words"]
    fields = [field for _, field, *_ in Formatter().parse(words) if field]
    given = {key: _in_words(key, measure.get(key, rest)) for key in fields}
    return re.sub(r"(?<=\d)%", " %", words.format(**given))


def _in_words(key: str, value: object) -> object:
    if isinstance(value, str):
        return WORDS.get(f"{key} {value}") or WORDS.get(value, value.replace("_", " "))
    return f"layer {value}" if key == "layer" else value

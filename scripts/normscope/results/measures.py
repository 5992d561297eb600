"""Measures, as claims and pages ask for them: quantities, ratios and differences."""

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import getmembers, isfunction, signature
from pkgutil import iter_modules
from types import MappingProxyType

import numpy as np

from normscope import results
from normscope.results.runs import Experiment, Network, Seed

# Functions of the modules beside this one, by their names.
QUANTITIES: Mapping[str, Callable] = MappingProxyType(
    {
        name: function
        for found in iter_modules(results.__path__, "normscope.results.")
        if found.name != __name__
        for name, function in getmembers(import_module(found.name), isfunction)
        if function.__module__ == found.name and not name.startswith("_")
    }
)
# What a measure may be of one or two quantities.
KINDS = ("measure", "ratio", "difference", "log_distance_ratio")
PLACES = ("of", "to", "over", "near", "far")
TAKE = {"largest": np.max, "smallest": np.min, "mean": np.mean}


def evaluate(measure: Mapping, seed: Seed) -> float:
    """The value of a measure at a seed.

    `{measure: q, network: frozen}` is the quantity q of the network that has this role;
    `{ratio: q, of: frozen, to: none}` divides it by that of another, `{difference: q,
    of: frozen, over: none}` subtracts the other. Both stand for the first argument of q
    that is not given; where none is missing, `{ratio: [q, r], network: frozen}` is of
    one network. `{log_distance_ratio: q, of: x, near: y, far: z}` is the distance of
    the logarithm of q from x to y, to that from x to z. Where q has many values,
    `take` says which: the largest, the smallest or the mean.

    Raises Missing where the run has no such network or experiment.
    """
    kind = next(kind for kind in KINDS if kind in measure)
    names = measure[kind]
    first, last = [names, names] if isinstance(names, str) else names
    parameters = signature(QUANTITIES[first]).parameters
    places = {
        key: measure[key] for key in PLACES if key in measure and key not in parameters
    }
    given = {
        key: value
        for key, value in measure.items()
        if key not in (*KINDS, "take", *places)
    }

    def value(name: str, place: str) -> float | np.ndarray:
        return _call(QUANTITIES[name], given, places.get(place), seed)

    # What is divided by 0 has no number.
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "measure":
            found = value(first, "")
        elif kind == "ratio":
            found = np.divide(value(first, "of"), value(last, "to"))
        elif kind == "difference":
            found = value(first, "of") - value(last, "over")
        else:
            here, near, far = (np.log(value(first, p)) for p in ("of", "near", "far"))
            found = np.divide(abs(here - near), abs(here - far))
    return float(TAKE[measure["take"]](found) if "take" in measure else found)


def _call(
    function: Callable, given: Mapping, missing: object, seed: Seed
) -> float | np.ndarray:
    """The function's value, with networks and experiments in place of their roles.

    `missing`, unless it is None, stands for the first argument that is not given.
    """
    parameters = signature(function).parameters
    arguments = dict(given)
    if missing is not None:
        arguments[next(key for key in parameters if key not in given)] = missing
    by_kind = {Network: seed.network, Experiment: seed.experiment}
    for key, value in arguments.items():
        if find := by_kind.get(parameters[key].annotation):
            arguments[key] = find(value)
    return function(**arguments)

"""How easily a step along an output's mean gradient gives its class the majority."""

from math import isclose

import numpy as np

from normscope.results import steps
from normscope.results.runs import Missing, Network, read

ARTICLE_WIDTHS = [64, 128, 256, 512]


def classes_with_majority(network: Network) -> float:
    """The part of the classes that a step along their gradient gives most inputs.

    Raises Missing for two classes: one of them has the majority before any step.
    """
    _require_three(network)
    outcomes = steps.outcomes([network.file("perturbations.h5")])
    return float(np.mean(steps.target_shares(outcomes) > 0.5))


def classes_with_majority_at_article_widths(network: Network) -> float:
    """The part of the classes that a step along their gradient gives most inputs, in a
    network as wide as the article's.
    """
    attributes = _steps(network)[1]
    outcomes = steps.outcomes([network.file("perturbations.h5")])
    step = steps.length(outcomes) / attributes["parameter_norm"]
    if list(attributes["widths"]) != ARTICLE_WIDTHS or not isclose(step, 0.01):
        raise Missing("a step of 1 % is judged at the article's widths, 64 to 512")
    return classes_with_majority(network)


def critical_lengths(network: Network) -> np.ndarray:
    """The shortest step along each output's mean gradient that gives its class more
    than half of the predictions: (K,), as a share of the parameters' norm, inf where
    there is none up to 20 %. Raises Missing for two classes.
    """
    _require_three(network)
    return _steps(network)[0]["critical_length"].astype(float)


def median_critical_length(network: Network) -> float:
    """The median over classes of the shortest step along an output's mean gradient that
    gives its class more than half of the predictions; as a share of the parameters'
    norm.

    Where no step up to 20 % does, 20 % is counted: the median is then a lower bound of
    the true one.
    """
    longest = _steps(network)[1]["longest_length"]
    return float(np.median(np.minimum(critical_lengths(network), longest)))


def _steps(network: Network) -> tuple[dict[str, np.ndarray], dict]:
    return read(network.file("perturbations.h5"))


def _require_three(network: Network) -> None:
    if network.classes < 3:
        raise Missing("of two classes one has the majority before any step")

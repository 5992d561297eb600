"""Where training breaks, beside where curvature says that it does."""

from math import isnan

import numpy as np
import pandas as pd

from normscope.results import optional, steps
from normscope.results.runs import Missing, Network, read

STABILITY = {
    "removed": "text",
    "lambda_1": "text",
    "predicted": "text",
    "onset": "text",
    "breaking": "text",
}
WHOLE = "none"  # nothing is taken off the steps, and all images are in each
SMALL = "none_small_batches"  # nothing either, and a training batch is in each


def stability(network: Network) -> pd.DataFrame:
    """Learning rates by what is taken off the steps: the largest eigenvalue `lambda_1`
    off it, and the `predicted` rate, that of the `onset` and that of `breaking`. The
    prediction is nan where none of the leading eigenvalues is above 0.
    """
    table = optional.table(network, "stability.csv", STABILITY)
    return table.set_index("removed").replace("", "nan").astype(float)


def onset(network: Network) -> float:
    """The lowest learning rate at which the loss of full-batch training rises."""
    return float(stability(network).onset[WHOLE])


def onset_to_predicted(network: Network) -> float:
    """The same over the highest rate that is stable by the largest eigenvalue."""
    return _to_predicted(network, WHOLE, "onset")


def onset_with_small_batches_to_predicted(network: Network) -> float:
    """The same with a batch of the training's size in each step."""
    return _to_predicted(network, SMALL, "onset")


def breaking_to_predicted(network: Network) -> float:
    """The lowest learning rate at which the loss does not come back, likewise."""
    return _to_predicted(network, WHOLE, "breaking")


def _to_predicted(network: Network, name: str, rate: str) -> float:
    table = stability(network)
    if name not in table.index:
        raise Missing("small batches were not tried")
    row = table.loc[name]
    if isnan(row.predicted):
        raise Missing("none of the leading eigenvalues is above 0")
    return float(row[rate] / row.predicted)


def gain_without(network: Network, removed: str) -> float:
    """By how much the onset moves up with a part of the steps removed."""
    table = stability(network)
    return float(table.onset[_fixed(table, removed)] / table.onset[WHOLE])


def gain_to_predicted(network: Network, removed: str) -> float:
    """By how much the onset moves up with a part of the steps removed, over what the
    largest eigenvalues with and without it say.
    """
    table, gain = stability(network), gain_without(network, removed)
    predicted = table.predicted[_fixed(table, removed)] / table.predicted[WHOLE]
    if isnan(predicted):
        raise Missing("none of the leading eigenvalues is above 0")
    return float(gain / predicted)


def part_of_gain(network: Network, removed: str) -> float:
    """How much of what removing all moments' part of the steps gains in onset another
    part gains, as a ratio of logarithms. Raises Missing where all gain nothing.
    """
    table = stability(network)
    gains = np.log(table.onset / table.onset[WHOLE])
    if gains["all_fixed"] <= 0:
        raise Missing("without all moments' part of the steps the onset is no higher")
    return float(gains[_fixed(table, removed)] / gains["all_fixed"])


def _fixed(table: pd.DataFrame, removed: str) -> str:
    name = f"{removed}_fixed"
    if name not in table.index:
        raise Missing("nothing was taken off this network's steps")
    return name


def curvature_along_means(network: Network) -> float:
    """The second difference of the loss along a mean logit's gradient, by a step of
    the relative length 1 that a short one stands for: the median over the logits.
    """
    outcomes = _outcomes(network)
    outputs = [name for name in outcomes.index if name.startswith("mean_")]
    forwards = [name for name in outputs if not name.endswith("_minus")]
    return float(np.median([_second_difference(network, name) for name in forwards]))


def curvature_along_steepest(network: Network) -> float:
    """The same along the first eigenvector of the Hessian."""
    return _second_difference(network, "eigenvector_1")


def _second_difference(network: Network, name: str) -> float:
    loss = _outcomes(network).loss
    path = network.file("perturbations.h5")
    length = steps.length(_outcomes(network)) / read(path)[1]["parameter_norm"]
    return float((loss[name] + loss[f"{name}_minus"] - 2 * loss["none"]) / length**2)


def _outcomes(network: Network) -> pd.DataFrame:
    return steps.outcomes([network.file("perturbations.h5")])


def squared_gradient_off_means(network: Network, moment: str) -> float:
    """The squared norm of what the gradient of a logit's moment has off the span of the
    mean gradients, times that of the weights: the median over the logits.
    """
    mine = _moment_steps(network, moment)
    norm = read(network.file("perturbations.h5"))[1]["parameter_norm"]
    return float(norm**2 * mine.squared_gradient.median())


def loss_rise_off_means(network: Network, moment: str) -> float:
    """By how much the loss rises, the mean of both ways, by a short step along that
    part of the gradient: the median over the logits.
    """
    return float(_moment_steps(network, moment).loss_rise.median())


MOMENT_STEPS = {
    "moment": "text",
    "class": "text",
    "squared_gradient": "text",
    "loss_rise": "text",
}


def _moment_steps(network: Network, moment: str) -> pd.DataFrame:
    table = optional.table(network, "moment_steps.csv", MOMENT_STEPS)
    numbers = ["squared_gradient", "loss_rise"]
    table[numbers] = table[numbers].astype(float)
    return table[table.moment == moment]

"""How the channels of untrained fully connected chains drift apart with depth."""

import numpy as np

from normscope.results.runs import Experiment, Missing
from normscope.results.untrained import (
    deviation_between,
    deviation_within,
    pooled_deviation,
    share_between,
)


def within_to_pooled(experiment: Experiment, layer: int) -> float:
    """Root mean variance within channels, as a share of the standard deviation of all
    values: free of how the scale of a chain wanders with depth.
    """
    return deviation_within(experiment, layer) / pooled_deviation(experiment, layer)


def rises_of_within(experiment: Experiment) -> float:
    """How often `within_to_pooled` does not fall from a shown layer to the next."""
    values = [within_to_pooled(experiment, layer) for layer in _shown(experiment)]
    return float((np.diff(values) >= 0).sum())


def falls_of_share_between(experiment: Experiment) -> float:
    """How often `share_between` does not rise from a shown layer to the next."""
    values = [share_between(experiment, layer) for layer in _shown(experiment)]
    return float((np.diff(values) <= 0).sum())


def largest_share_of_tens(experiment: Experiment, layer: int) -> float:
    """Share of the inputs at which the same channel is the largest of ten: the median
    over the disjoint tens of channels of a chain's layer.
    """
    return float(_fc(experiment, layer)["largest_share_of_tens"])


def variation_of_deviations(experiment: Experiment, layer: int) -> float:
    """Coefficient of variation of the standard deviations of a chain's channels."""
    return float(_fc(experiment, layer)["deviation_variation"])


def between_to_sampling(experiment: Experiment, layer: int) -> float:
    """Standard deviation of the channels' means, in units of what it would be if all
    channels had mean 0 and their means differed by the choice of inputs alone.
    """
    images = int(experiment.attributes["images"])
    sampling = deviation_within(experiment, layer) / images**0.5
    return deviation_between(experiment, layer) / sampling


def mean_over_channels_to_sampling(experiment: Experiment, layer: int) -> float:
    """Magnitude of the mean over channels of their means, in standard errors.

    Means that are of either sign alike give the magnitude of a standard normal number.
    """
    mean = _fc(experiment, layer)["pooled_mean"]
    width = int(experiment.attributes["width"])
    return float(abs(mean) * width**0.5 / deviation_between(experiment, layer))


def deviation_to_theory(experiment: Experiment) -> np.ndarray:
    """Standard deviation of all values of each shown layer of the ReLU chain, the
    geometric mean over all chains, divided by sqrt(2) exp(-5 (L - 1) / (4 width)).

    L is the layer's number. With He's weights each of the L - 1 ReLU layers before it
    keeps the mean of an input's squared norm, and multiplies the norm by a factor whose
    square has relative variance 5 / width: max(z, 0)^2 of a normal z has mean 1/2 and
    variance 5/4. So the mean of the norm's logarithm falls by 5 / (4 width) a layer.
    Inputs share these factors once they are alike; the first ones average out, which
    leaves 1 % more than this at layer 50 of width 1024.
    """
    layers = _shown(experiment)
    found = [_fc(experiment, layer)["pooled_deviation"] for layer in layers]
    means = np.exp(np.log(found).mean(axis=1))
    width = int(experiment.attributes["width"])
    return means / (2**0.5 * np.exp(-1.25 * (np.array(layers) - 1) / width))


def pooled_mean_to_deviation(experiment: Experiment) -> np.ndarray:
    """The mean of all values of each shown layer, in standard deviations of these
    values: the root mean square over all chains.
    """
    layers = [_fc(experiment, layer) for layer in _shown(experiment)]
    ratios = [layer["pooled_mean"] / layer["pooled_deviation"] for layer in layers]
    return np.sqrt(np.square(ratios).mean(axis=1))


def total_to_two(experiment: Experiment, layer: int) -> float:
    """Variance of all values of a layer, divided by the 2 of infinitely wide layers."""
    values = _fc(experiment, layer)
    return float(values["variance_between"] + values["variance_within"]) / 2


def _shown(experiment: Experiment) -> list[int]:
    """The numbers of the shown layers of chains."""
    if len(experiment.layers) < 2:
        raise Missing(f"experiment {experiment.path.stem} shows fewer than two layers")
    return [int(name.removeprefix("fc")) for name in experiment.layers]


def _fc(experiment: Experiment, layer: int) -> dict:
    return experiment.layer(f"fc{layer}")

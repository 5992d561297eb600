"""How channels of untrained networks drift apart, or do not."""

from collections.abc import Mapping

import numpy as np

from normscope.results.runs import Experiment, Missing


def norm_means(experiment: Experiment) -> np.ndarray:
    """The magnitude of the mean of each channel after each norm layer."""
    return np.concatenate([np.abs(layer["mean"]) for layer in _norms(experiment)])


def norm_deviation_errors(experiment: Experiment) -> np.ndarray:
    """How far the standard deviation of each channel after a norm layer is from 1."""
    return np.concatenate([np.abs(layer["std"] - 1) for layer in _norms(experiment)])


def pooled_deviation(experiment: Experiment, layer: int) -> float:
    """Standard deviation of all values of a layer."""
    return float(_layer(experiment, layer)["pooled/std"][0])


def pooled_means(experiment: Experiment) -> np.ndarray:
    """The magnitude of the mean of all values of each fc layer."""
    layers = [name for name in experiment.layers if name.startswith("fc")]
    return np.abs([experiment.layer(name)["pooled/mean"][0] for name in layers])


def deviation_within(experiment: Experiment, layer: int | str) -> float:
    """Root mean variance within channels."""
    return float(_layer(experiment, layer)["variance_within"] ** 0.5)


def deviation_between(experiment: Experiment, layer: int | str) -> float:
    """Standard deviation of the channels' means."""
    return float(_layer(experiment, layer)["variance_between"] ** 0.5)


def total_variance(experiment: Experiment, layer: int | str) -> float:
    """Variance between channels and within them."""
    values = _layer(experiment, layer)
    return float(values["variance_between"] + values["variance_within"])


def share_between(experiment: Experiment, layer: int | str) -> float:
    """The part of a layer's variance that lies between its channels."""
    return share_of_variance_between(_layer(experiment, layer))


def share_of_variance_between(layer: Mapping[str, np.ndarray]) -> float:
    """The part of the variance between channels, from a layer's statistics."""
    between = layer["variance_between"]
    return float(between / (between + layer["variance_within"]))


def variation_of_deviations(experiment: Experiment, layer: int) -> float:
    """Coefficient of variation of the channels' standard deviations."""
    deviations = _layer(experiment, layer)["std"]
    return float(deviations.std() / deviations.mean())


def largest_share(experiment: Experiment, layer: int | str) -> float:
    """Share of the inputs at which the same shown channel is the largest."""
    return float(_layer(experiment, layer)["largest_share"].max())


def singular_values(experiment: Experiment) -> dict[int, np.ndarray]:
    """Singular values of the map to each looked-at layer of a linear chain, descending,
    by the layer's number.
    """
    values = experiment.layer("singular_values")
    numbers = sorted(int(name.removeprefix("fc")) for name in values)
    return {number: values[f"fc{number}"] for number in numbers}


def largest_in_theory(layer: int) -> float:
    """The largest singular value of the map to that layer of an infinitely wide chain.

    Of a product of L matrices with entries of variance 1 / width:
    sqrt((L + 1)^(L + 1) / L^L).
    """
    return np.sqrt((layer + 1.0) * (1 + 1 / layer) ** layer)


def singular_value_to_theory(experiment: Experiment, layer: int) -> float:
    """Largest singular value of the map to a layer, divided by that in theory."""
    values = singular_values(experiment)
    if layer not in values:
        raise Missing(f"experiment {experiment.path.stem} does not look at fc{layer}")
    return values[layer].max() / largest_in_theory(layer)


def _layer(experiment: Experiment, layer: int | str) -> dict[str, np.ndarray]:
    return experiment.layer("classifier_conv" if layer == "last" else f"fc{layer}")


def _norms(experiment: Experiment) -> list[dict[str, np.ndarray]]:
    norms = [name for name in experiment.layers if name.endswith("_norm")]
    return [experiment.layer(name) for name in norms]

"""How channels of untrained networks drift apart, or do not."""

from collections.abc import Mapping

import numpy as np

from normscope.results.runs import Experiment, Missing

WIDE = 1024  # channels from which on the theory of infinite width is judged


def norm_means(experiment: Experiment) -> np.ndarray:
    """The magnitude of the mean of each channel after each norm layer."""
    return np.concatenate([np.abs(layer["mean"]) for layer in _norms(experiment)])


def norm_deviation_errors(experiment: Experiment) -> np.ndarray:
    """How far the standard deviation of each channel after a norm layer is from 1."""
    return np.concatenate([np.abs(layer["std"] - 1) for layer in _norms(experiment)])


def dependence_on_batch(experiment: Experiment) -> float:
    """The largest change of any logit of an image when the other half of its batch is
    replaced, in standard deviations of all logits.
    """
    logits = experiment.layer(experiment.layers[-1])
    if "dependence_on_batch" not in logits:
        raise Missing(f"experiment {experiment.path.stem} is not a conv net")
    return float(logits["dependence_on_batch"])


def pooled_deviation(experiment: Experiment, layer: int) -> float:
    """Standard deviation of all values of a layer.

    Law of total variance: its square is the variance between channels and within them.
    """
    values = _layer(experiment, layer)
    return float((values["variance_between"] + values["variance_within"]) ** 0.5)


def deviation_within(experiment: Experiment, layer: int | str) -> float:
    """Root mean variance within channels."""
    return float(_layer(experiment, layer)["variance_within"] ** 0.5)


def deviation_between(experiment: Experiment, layer: int | str) -> float:
    """Standard deviation of the channels' means."""
    return float(_layer(experiment, layer)["variance_between"] ** 0.5)


def share_between(experiment: Experiment, layer: int | str) -> float:
    """The part of a layer's variance that lies between its channels."""
    return share_of_variance_between(_layer(experiment, layer))


def share_of_variance_between(layer: Mapping) -> float:
    """The part of the variance between channels, from a layer's statistics."""
    between = layer["variance_between"]
    return float(between / (between + layer["variance_within"]))


def share_over_chain(experiment: Experiment, chain: Experiment) -> float:
    """How much larger the part of the variance between channels is in the last layer of
    a conv net than in the layer of a chain that is as many layers deep.
    """
    depth = sum(name.endswith("_conv") for name in experiment.layers)
    return share_between(experiment, "last") - share_between(chain, depth)


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
    """Largest singular value of the map to a layer, divided by that in theory.

    Not for widths below 1024, as a finite width pulls it down.
    """
    values = singular_values(experiment)
    if layer not in values:
        raise Missing(f"experiment {experiment.path.stem} does not look at fc{layer}")
    if len(values[layer]) < WIDE:
        raise Missing(f"the theory is judged from width {WIDE} on")
    return float(values[layer].max() / largest_in_theory(layer))


def _layer(experiment: Experiment, layer: int | str) -> dict:
    return experiment.layer("classifier_conv" if layer == "last" else f"fc{layer}")


def _norms(experiment: Experiment) -> list[dict[str, np.ndarray]]:
    norms = [name for name in experiment.layers if name.endswith("_norm")]
    if not norms:
        raise Missing(f"experiment {experiment.path.stem} has no norm")
    return [experiment.layer(name) for name in norms]

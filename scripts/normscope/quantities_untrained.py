"""How channels of untrained networks drift apart, or do not."""

import numpy as np

from normscope import store
from normscope.seeds import Missing, Seed


def _layer(run: Seed, experiment: str, layer: int | str) -> dict[str, np.ndarray]:
    arrays, layers = run.untrained(experiment)
    name = "classifier_conv" if layer == "last" else f"fc{layer}"
    if name not in layers:
        raise Missing(f"experiment {run.experiments[experiment]} has no layer {name}")
    return store.group(arrays, name)


def _norms(run: Seed, experiment: str) -> list[dict[str, np.ndarray]]:
    arrays, layers = run.untrained(experiment)
    return [store.group(arrays, name) for name in layers if name.endswith("_norm")]


def largest_mean_of_norms(run: Seed, experiment: str) -> float:
    """The largest magnitude of a channel's mean after any norm layer."""
    return max(np.abs(layer["mean"]).max() for layer in _norms(run, experiment))


def largest_error_of_norm_deviations(run: Seed, experiment: str) -> float:
    """How far a channel's standard deviation after any norm layer is from 1."""
    return max(np.abs(layer["std"] - 1).max() for layer in _norms(run, experiment))


def pooled_deviation(run: Seed, experiment: str, layer: int) -> float:
    """Standard deviation of all values of a layer."""
    return _layer(run, experiment, layer)["pooled/std"][0]


def largest_pooled_mean(run: Seed, experiment: str) -> float:
    """The largest magnitude of the mean of all values of an fc layer."""
    arrays, layers = run.untrained(experiment)
    return max(
        abs(arrays[f"{name}/pooled/mean"][0])
        for name in layers
        if name.startswith("fc")
    )


def deviation_within(run: Seed, experiment: str, layer: int | str) -> float:
    """Root mean variance within channels."""
    return _layer(run, experiment, layer)["variance_within"] ** 0.5


def deviation_between(run: Seed, experiment: str, layer: int | str) -> float:
    """Standard deviation of the channels' means."""
    return _layer(run, experiment, layer)["variance_between"] ** 0.5


def ratio_between_to_within(run: Seed, experiment: str, layer: int | str) -> float:
    """Standard deviation between channels to that within."""
    within = deviation_within(run, experiment, layer)
    return deviation_between(run, experiment, layer) / within


def ratio_of_deviations_between(run: Seed, experiment: str, of: int, to: int) -> float:
    """Standard deviation of the channels' means in one layer to that in another."""
    first, second = (deviation_between(run, experiment, layer) for layer in (of, to))
    return first / second


def total_variance(run: Seed, experiment: str, layer: int | str) -> float:
    """Variance between channels and within them."""
    values = _layer(run, experiment, layer)
    return values["variance_between"] + values["variance_within"]


def share_between(run: Seed, experiment: str, layer: int | str) -> float:
    """The part of a layer's variance that lies between its channels."""
    values = _layer(run, experiment, layer)
    return values["variance_between"] / total_variance(run, experiment, layer)


def difference_of_shares_between(run: Seed, of: str, over: str) -> float:
    """How much more of the outputs' variance lies between channels in one of two."""
    return share_between(run, of, "last") - share_between(run, over, "last")


def variation_of_deviations(run: Seed, experiment: str, layer: int) -> float:
    """Coefficient of variation of the channels' standard deviations."""
    deviations = _layer(run, experiment, layer)["std"]
    return deviations.std() / deviations.mean()


def largest_share(run: Seed, experiment: str, layer: int | str) -> float:
    """Share of the inputs at which the same shown channel is the largest."""
    return _layer(run, experiment, layer)["largest_share"].max()


def singular_value_to_theory(run: Seed, experiment: str, layer: int) -> float:
    """Largest singular value of the map to a layer, to that of infinitely wide ones."""
    arrays, _ = run.untrained(experiment)
    name = f"singular_values/fc{layer}"
    if name not in arrays:
        raise Missing(f"experiment {run.experiments[experiment]} lacks {name}")
    return arrays[name].max() / np.sqrt((layer + 1) * (1 + 1 / layer) ** layer)

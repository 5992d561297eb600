"""What the trained networks' outputs are, and where steps shift them."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr, wasserstein_distance

from normscope.results import steps
from normscope.results.runs import Network


def distance_of_outputs(network: Network, other: Network) -> float:
    """The largest Wasserstein distance of an output's distributions in two networks."""
    first, second = _outputs(network), _outputs(other)
    return max(
        wasserstein_distance(first["grid"], second["grid"], *densities)
        for densities in zip(first["density"], second["density"], strict=True)
    )


def largest_predicted_share(network: Network) -> float:
    """Share of the class that is predicted most, in units of 1 / classes."""
    return _outcomes(network).largest_share["none"] * network.classes


def skewnesses(network: Network) -> np.ndarray:
    """The skewness of each shown output's distribution."""
    outputs = _outputs(network)
    density = outputs["density"] / outputs["density"].sum(axis=1, keepdims=True)
    centred = outputs["grid"] - (density @ outputs["grid"])[:, None]
    variance, third = ((density * centred**power).sum(axis=1) for power in (2, 3))
    return third / variance**1.5


def random_shifts(network: Network) -> np.ndarray:
    """By how much a random step shifts each output's mean."""
    return np.abs(_outputs(network, "random")["mean"] - _outputs(network)["mean"])


def target_shifts(network: Network) -> np.ndarray:
    """Shift of each output's mean by a step along its own mean gradient."""
    path = network.file("perturbations.h5")
    names = ["none", *_mean_directions(network)]
    before, *after = (outputs["mean"] for outputs in steps.outputs_after(path, names))
    return np.array([means[c] - before[c] for c, means in enumerate(after)])


def mean_target_shift(network: Network) -> float:
    """Shift of an output's mean by a step along its gradient, the mean over outputs."""
    return float(target_shifts(network).mean())


def classes_with_majority(network: Network) -> float:
    """The part of the classes that a step along their gradient gives most inputs."""
    return np.mean(steps.target_shares(_outcomes(network)) > 0.5)


def lowest_accuracy_after_step(network: Network) -> float:
    """The lowest accuracy after a step along an output's mean gradient."""
    return _mean_steps(network).accuracy.min()


def loss_ratio_after_step(network: Network) -> float:
    """Mean loss after steps along the outputs' mean gradients, to that before."""
    return _mean_steps(network).loss.mean() / _outcomes(network).loss["none"]


def layer_shifts(network: Network) -> dict[str, float]:
    """Root mean square shift of the channels' means by a step along the mean gradient
    of the first output, by layer; the outputs come last.
    """
    return steps.mean_shifts(*_before_and_after(network))


def rank_correlation_of_shift_and_depth(network: Network) -> float:
    """Spearman's, of the layers' depth and the shift of their channels' means."""
    shifts = [*layer_shifts(network).values()]
    return spearmanr(range(len(shifts)), shifts).statistic


def largest_inner_shift(network: Network) -> float:
    """Root mean square shift of channels' means, the largest of an inner layer."""
    return max([*layer_shifts(network).values()][:-1])


def change_of_inner_deviations(network: Network) -> float:
    """Median relative change of a channel's standard deviation in inner layers."""
    before, after = _before_and_after(network)
    *inner, _ = before
    changes = [
        (after[layer]["std"] - before[layer]["std"]) / before[layer]["std"]
        for layer in inner
    ]
    return float(np.median(np.abs(np.concatenate(changes))))


def shifts_along_eigenvectors(network: Network) -> np.ndarray:
    """By how much a step along each leading eigenvector shifts each output's mean."""
    outcomes = _outcomes(network)
    names = outcomes.index[outcomes.index.str.startswith("eigenvector")]
    path = network.file("perturbations.h5")
    before, *after = steps.outputs_after(path, ["none", *names])
    return np.abs([outputs["mean"] - before["mean"] for outputs in after])


def _outputs(network: Network, direction: str = "none") -> dict[str, np.ndarray]:
    return steps.outputs_after(network.file("perturbations.h5"), [direction])[0]


def _outcomes(network: Network) -> pd.DataFrame:
    return steps.outcomes([network.file("perturbations.h5")])


def _mean_directions(network: Network) -> list[str]:
    return [f"mean_{c}" for c in range(network.classes)]


def _mean_steps(network: Network) -> pd.DataFrame:
    return _outcomes(network).loc[_mean_directions(network)]


def _before_and_after(network: Network) -> tuple[dict[str, dict], dict[str, dict]]:
    return steps.layers_before_and_after(
        network.file("channels.h5"), network.file("perturbations.h5")
    )

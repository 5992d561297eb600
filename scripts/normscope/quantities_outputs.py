"""What the trained networks' outputs are, and where steps shift them."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from normscope import steps
from normscope.seeds import Seed


def _outputs(run: Seed, network: str, direction: str = "none") -> dict[str, np.ndarray]:
    path = run.network(network, "perturbations.h5")
    return steps.outputs_after(path, [direction])[0]


def _outcomes(run: Seed, network: str) -> pd.DataFrame:
    return steps.outcomes([run.network(network, "perturbations.h5")])


def distance_of_outputs(run: Seed, of: str, to: str) -> float:
    """The largest Wasserstein distance of an output's distributions in two networks."""
    first, second = _outputs(run, of), _outputs(run, to)
    low = min(first["grid"][0], second["grid"][0])
    high = max(first["grid"][-1], second["grid"][-1])
    places = np.linspace(low, high, 4096)
    step = places[1] - places[0]

    def cumulative(outputs: dict[str, np.ndarray], channel: int) -> np.ndarray:
        density = np.interp(
            places, outputs["grid"], outputs["density"][channel], left=0, right=0
        )
        return np.cumsum(density) / density.sum()

    return max(
        np.abs(cumulative(first, c) - cumulative(second, c)).sum() * step
        for c in range(len(first["density"]))
    )


def largest_predicted_share(run: Seed, network: str) -> float:
    """Share of the class that is predicted most, in units of 1 / classes."""
    return _outcomes(run, network).largest_share["none"] * run.classes


def smallest_skewness(run: Seed, network: str) -> float:
    """The smallest skewness of the shown outputs' distributions."""
    outputs = _outputs(run, network)
    density = outputs["density"] / outputs["density"].sum(axis=1, keepdims=True)
    centred = outputs["grid"] - (density @ outputs["grid"])[:, None]
    variance, third = ((density * centred**power).sum(axis=1) for power in (2, 3))
    return (third / variance**1.5).min()


def largest_random_shift(run: Seed, network: str) -> float:
    """The most by which a random step shifts an output's mean."""
    before, after = (
        _outputs(run, network, name)["mean"] for name in ("none", "random")
    )
    return np.abs(after - before).max()


def _target_shifts(run: Seed, network: str) -> np.ndarray:
    """Shift of each output's mean by a step along its own mean gradient."""
    path = run.network(network, "perturbations.h5")
    names = ["none", *(f"mean_{c}" for c in range(run.classes))]
    before, *after = (outputs["mean"] for outputs in steps.outputs_after(path, names))
    return np.array([means[c] - before[c] for c, means in enumerate(after)])


def mean_target_shift(run: Seed, network: str) -> float:
    """Shift of an output's mean by a step along its gradient, the mean over outputs."""
    return _target_shifts(run, network).mean()


def ratio_of_target_shifts(run: Seed, of: str, to: str) -> float:
    """Mean shifts of outputs in two networks, as a ratio."""
    return mean_target_shift(run, of) / mean_target_shift(run, to)


def smallest_ratio_of_target_shifts(run: Seed, of: str, to: str) -> float:
    """The smallest ratio, over outputs, of the shifts in two networks."""
    return (_target_shifts(run, of) / _target_shifts(run, to)).min()


def _mean_steps(run: Seed, network: str) -> pd.DataFrame:
    return _outcomes(run, network).loc[[f"mean_{c}" for c in range(run.classes)]]


def classes_with_majority(run: Seed, network: str) -> float:
    """The part of the classes that a step along their gradient gives most inputs."""
    stepped = _mean_steps(run, network)
    shares = [stepped[f"share_{c}"].iloc[c] for c in range(run.classes)]
    return np.mean(np.array(shares) > 0.5)


def lowest_accuracy_after_step(run: Seed, network: str) -> float:
    """The lowest accuracy after a step along an output's mean gradient."""
    return _mean_steps(run, network).accuracy.min()


def loss_ratio_after_step(run: Seed, network: str) -> float:
    """Mean loss after steps along the outputs' mean gradients, to that before."""
    return _mean_steps(run, network).loss.mean() / _outcomes(run, network).loss["none"]


def _layer_changes(run: Seed, network: str, field: str) -> list[np.ndarray]:
    """Change of a statistic by a step along the first mean gradient, by layer."""
    before, after = steps.layers_before_and_after(
        run.network(network, "channels.h5"), run.network(network, "perturbations.h5")
    )
    return [
        (after[layer][field] - values[field]) / (values[field] if field == "std" else 1)
        for layer, values in before.items()
    ]


def _shifts(run: Seed, network: str) -> list[float]:
    changes = _layer_changes(run, network, "mean")
    return [np.sqrt(np.mean(change**2)) for change in changes]


def rank_correlation_of_shift_and_depth(run: Seed, network: str) -> float:
    """Spearman's, of the layers' depth and the shift of their channels' means."""
    shifts = _shifts(run, network)
    return spearmanr(range(len(shifts)), shifts).statistic


def largest_inner_shift(run: Seed, network: str) -> float:
    """Root mean square shift of channels' means, the largest of an inner layer."""
    return max(_shifts(run, network)[:-1])


def change_of_inner_deviations(run: Seed, network: str) -> float:
    """Median relative change of a channel's standard deviation in inner layers."""
    changes = _layer_changes(run, network, "std")[:-1]
    return np.median(np.abs(np.concatenate(changes)))


def largest_shift_along_eigenvectors(run: Seed, network: str) -> float:
    """The most by which a step along a leading eigenvector shifts an output's mean."""
    outcomes = _outcomes(run, network)
    names = outcomes.index[outcomes.index.str.startswith("eigenvector")]
    path = run.network(network, "perturbations.h5")
    before, *after = steps.outputs_after(path, ["none", *names])
    return max(np.abs(outputs["mean"] - before["mean"]).max() for outputs in after)

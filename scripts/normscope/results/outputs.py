"""What the trained networks' outputs are, and where steps shift them."""

import numpy as np
from scipy.stats import skew, wasserstein_distance

from normscope.results.runs import Missing, Network, read, read_groups


def distance_of_outputs(network: Network, other: Network) -> float:
    """Wasserstein distance of an output's values in two networks, the largest of all
    outputs, in standard deviations of that output over the images in `other`.
    """
    return _distance(_values(network), _values(other))


def distance_between_batches(network: Network) -> float:
    """Wasserstein distance of an output's values on two batches of images, the largest
    of all outputs, in standard deviations of that output over the first batch.
    """
    return _distance(_values(network, "other_images"), _values(network))


def distance_to_batches(network: Network, other: Network) -> float:
    """Distance of two networks' outputs over that of two batches in `other`."""
    between = distance_between_batches(other)
    if between == 0:
        raise Missing("two batches have the same outputs")
    return float(np.divide(distance_of_outputs(network, other), between))


def largest_predicted_excess(network: Network) -> float:
    """Share of the class that is predicted most: 0 where all are predicted equally
    often, 1 where only one is.
    """
    chance = 1 / network.classes
    return float((_predicted_shares(network).max() - chance) / (1 - chance))


def smallest_predicted_share(network: Network) -> float:
    """Share of the class that is predicted least, in units of 1 / classes."""
    return float(_predicted_shares(network).min() * network.classes)


def skewnesses(network: Network) -> np.ndarray:
    """Skewness of each output over the images: (K,), without unit."""
    values = _values(network)
    _deviations(values)
    return skew(values, axis=0)


def random_shifts(network: Network) -> np.ndarray:
    """By how much steps along random directions shift the outputs' means, either way.

    (steps, K), in standard deviations of the output over the images, before the step.
    """
    return np.abs(_shifts(network, _random_steps(network)))


def random_loss_changes(network: Network) -> np.ndarray:
    """By what share of itself each step along a random direction changes the loss."""
    numbers = _numbers(network)
    after = [numbers[name]["loss"] for name in _random_steps(network)]
    return np.abs(np.array(after) / numbers["none"]["loss"] - 1)


def target_shifts(network: Network) -> np.ndarray:
    """Shift of each output's mean by a step along its own mean gradient.

    (K,), in standard deviations of that output over the images, before the step.
    """
    return _shifts(network, _mean_steps(network)).diagonal()


def mean_target_shift(network: Network) -> float:
    """Shift of an output's mean by a step along its own mean gradient, the mean over
    outputs, in standard deviations of the output over the images.
    """
    return float(target_shifts(network).mean())


def lowest_accuracy_kept(network: Network) -> float:
    """The lowest accuracy after a step along an output's mean gradient, to that before.

    1 where no step costs any.
    """
    numbers = _numbers(network)
    if numbers["none"]["accuracy"] == 0:
        raise Missing("no image is classified rightly before the steps")
    lowest = min(numbers[name]["accuracy"] for name in _mean_steps(network))
    return float(lowest / numbers["none"]["accuracy"])


def loss_floor(network: Network) -> float:
    """The smallest loss that label smoothing allows."""
    return float(_steps(network)[1]["loss_floor"])


def excess_loss_ratio(network: Network) -> float:
    """The loss above the smallest that it can be, after steps along the outputs' mean
    gradients, the mean over outputs, to that before.
    """
    numbers, floor = _numbers(network), loss_floor(network)
    before = numbers["none"]["loss"] - floor
    if before <= 0:
        raise Missing("the loss before the steps is the smallest that it can be")
    after = np.mean([numbers[name]["loss"] for name in _mean_steps(network)])
    return float((after - floor) / before)


def shifts_along_eigenvectors(network: Network) -> np.ndarray:
    """By how much steps along leading eigenvectors shift outputs' means, either way.

    (steps, K) for the first K - 1 eigenvectors, or for all that were found; in standard
    deviations of the output over the images, before the step.
    """
    numbers = _numbers(network)
    names = [
        f"eigenvector_{i}{sign}"
        for i in range(1, network.classes)
        for sign in ("", "_minus")
        if f"eigenvector_{i}{sign}" in numbers
    ]
    if not names:
        raise Missing("no step went along an eigenvector")
    return np.abs(_shifts(network, names))


def largest_shift_along_eigenvectors(network: Network) -> float:
    """The furthest that a step along a leading eigenvector shifts an output's mean, in
    standard deviations of the output over the images, before the step.
    """
    return float(shifts_along_eigenvectors(network).max())


def _steps(network: Network) -> tuple[dict[str, np.ndarray], dict]:
    return read(network.file("perturbations.h5"))


def _numbers(network: Network) -> dict[str, dict]:
    return read_groups(network.file("perturbations.h5"))


def _predicted_shares(network: Network) -> np.ndarray:
    return _steps(network)[0]["none/predicted_share"]


def _mean_steps(network: Network) -> list[str]:
    return [f"mean_{c}" for c in range(network.classes)]


def _random_steps(network: Network) -> list[str]:
    return [name for name in _numbers(network) if name.startswith("random")]


def _values(network: Network, group: str = "none") -> np.ndarray:
    arrays, _ = _steps(network)
    if f"{group}/values" not in arrays:
        raise Missing("too few train images for a second batch")
    return arrays[f"{group}/values"].astype(float)


def _deviations(values: np.ndarray) -> np.ndarray:
    """Of each output over the images; raises Missing where one does not vary."""
    if (np.ptp(values, axis=0) == 0).any():
        raise Missing("an output is the same for all images")
    return values.std(axis=0)


def _distance(values: np.ndarray, reference: np.ndarray) -> float:
    distances = [*map(wasserstein_distance, values.T, reference.T)]
    return float(np.max(distances / _deviations(reference)))


def _shifts(network: Network, names: list[str]) -> np.ndarray:
    arrays, attributes = _steps(network)
    before, *after = (
        arrays[f"{name}/{attributes['outputs']}/mean"] for name in ("none", *names)
    )
    return (np.array(after) - before) / _deviations(_values(network))

"""The quantities that claims are judged by, one function each, of one seed of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from normscope import steps, store

LEADING = 10  # eigenvectors that the article looks at


class Missing(Exception):
    """Why a quantity cannot be measured in this run."""


@dataclass(frozen=True)
class Seed:
    """One seed of a run: its folder, and its networks and experiments by their part.

    `variants` are the settings of all networks by name, `classes` their number.
    """

    folder: Path
    networks: Mapping[str, str]
    experiments: Mapping[str, str]
    variants: Mapping[str, Mapping]
    classes: int

    def network(self, part: str, name: str) -> str:
        """Path of a file of the network that has this part."""
        if part not in self.networks:
            raise Missing(f"no network of this run is {part.replace('_', ' ')}")
        return str(self.folder / self.networks[part] / name)

    def stress(self, part: str) -> pd.DataFrame:
        """Stress test of the network that has this part."""
        self.network(part, "")
        return pd.read_csv(self.folder / f"lr_stress/{self.networks[part]}.csv")

    def training(self, part: str) -> pd.DataFrame:
        """Epochs of the network that has this part."""
        return pd.read_csv(self.network(part, "training.csv"))

    def overlaps(self, part: str) -> pd.DataFrame:
        """Overlaps of the network that has this part."""
        return pd.read_csv(self.network(part, "overlaps.csv"))

    def untrained(self, part: str) -> tuple[Mapping[str, np.ndarray], list[str]]:
        """Statistics of the experiment that has this part, and its layers in order."""
        if part not in self.experiments:
            raise Missing(f"no experiment of this run is {part}")
        path = self.folder / f"initialisation/{self.experiments[part]}.h5"
        arrays, attributes = _read(str(path))
        return arrays, list(attributes["layers"])


@cache
def _read(path: str, *names: str) -> tuple[dict[str, np.ndarray], dict]:
    return store.read(path, *names)


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


def _breaking_rate(table: pd.DataFrame) -> float:
    """Where accuracy first halves after its best, or training diverges; else inf."""
    if table.diverged.all():
        return table.learning_rate.iloc[0]
    best = table.train_accuracy[~table.diverged].idxmax()
    fallen = table.train_accuracy < table.train_accuracy[best] / 2
    broken = table.learning_rate[(table.diverged | fallen) & (table.index > best)]
    return broken.min() if len(broken) else np.inf


def ratio_of_stable_to_breaking_rate(run: Seed, of: str, to: str) -> float:
    """The last rate near one network's best accuracy to that which breaks another."""
    table = run.stress(of)
    near_best = table.train_accuracy > 0.9 * table.train_accuracy.max()
    stable = table.learning_rate[near_best & ~table.diverged].max()
    return stable / _breaking_rate(run.stress(to))


def diverged_in_stress(run: Seed, network: str) -> float:
    """1 if the stress test ended with a loss that was not finite, else 0."""
    return float(run.stress(network).diverged.any())


def ratio_of_best_rates(run: Seed, of: str, to: str) -> float:
    """Learning rates at which the networks are at their best, as a ratio."""
    tables = (run.stress(of), run.stress(to))
    first, second = (t.learning_rate[t.train_accuracy.idxmax()] for t in tables)
    return first / second


def stress_lead_at_best(run: Seed, of: str, over: str) -> float:
    """Lead in train accuracy at the rate at which the other network is at its best."""
    ahead, behind = run.stress(of), run.stress(over)
    best = behind.train_accuracy.idxmax()
    return ahead.train_accuracy[best] - behind.train_accuracy[best]


def best_stress_accuracy_difference(run: Seed, of: str, over: str) -> float:
    """Difference of the best train accuracies in the stress test."""
    return run.stress(of).train_accuracy.max() - run.stress(over).train_accuracy.max()


def stress_accuracy_at_max_lr(run: Seed, network: str, of: str) -> float:
    """Train accuracy at the max_lr of another, in units of chance; 0 if diverged."""
    table = run.stress(network)
    rate = run.variants[run.networks[of]]["max_lr"] if of in run.networks else None
    if rate is None:
        raise Missing(f"no network of this run is {of.replace('_', ' ')}")
    reached = table[(table.learning_rate >= rate) & ~table.diverged]
    if reached.empty and not table.diverged.any():
        raise Missing("the stress test ends below that learning rate")
    return 0.0 if reached.empty else reached.train_accuracy.iloc[0] * run.classes


def train_accuracy(run: Seed, network: str) -> float:
    """Train accuracy in the last epoch."""
    return run.training(network).train_accuracy.iloc[-1]


def ratio_of_epoch_seconds(run: Seed, of: str, to: str) -> float:
    """Median seconds of an epoch of one network to those of another."""
    return run.training(of).seconds.median() / run.training(to).seconds.median()


def ratio_of_gap_deviations(run: Seed, of: str, to: str) -> float:
    """How much more the gap of train to test accuracy varies over epochs."""
    tables = (run.training(of), run.training(to))
    first, second = ((t.train_accuracy - t.test_accuracy).std() for t in tables)
    return first / second


def largest_gap_of_softplus(run: Seed) -> float:
    """The most by which log(1 + exp(10 x)) / 10 exceeds ReLU: at 0."""
    inputs = np.linspace(-2, 2, 4001)
    return (np.logaddexp(0, 10 * inputs) / 10 - np.maximum(inputs, 0)).max()


def _parameter_norm(run: Seed, network: str) -> float:
    return store.attributes(run.network(network, "moment_gradients.h5"))[
        "parameter_norm"
    ]


def ratio_of_parameter_norms(run: Seed, of: str, to: str) -> float:
    """Norms of the parameter vectors, as a ratio."""
    return _parameter_norm(run, of) / _parameter_norm(run, to)


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


def _gradient(run: Seed, network: str) -> np.ndarray:
    """Squared norm of the first output's mean gradient in each layer."""
    path = run.network(network, "moment_gradients.h5")
    arrays, _ = _read(path, "mean", "parameters/offset")
    squares = arrays["mean"][0].astype(float) ** 2
    return np.add.reduceat(squares, arrays["parameters/offset"])


def ratio_of_gradients(run: Seed, of: str, to: str) -> float:
    """Squared norms of the first output's mean gradient, as a ratio."""
    return _gradient(run, of).sum() / _gradient(run, to).sum()


def last_layer_share(run: Seed, network: str) -> float:
    """The last layer's part of the squared norm of the first output's mean gradient."""
    layers = _gradient(run, network)
    return layers[-1] / layers.sum()


def rank_of_last_layer(run: Seed, network: str) -> float:
    """1 if that part is the largest of any layer, 2 if the second largest, ..."""
    layers = _gradient(run, network)
    return float(1 + (layers > layers[-1]).sum())


def _layer_changes(run: Seed, network: str, field: str) -> list[np.ndarray]:
    """Change of a statistic by a step along the first mean gradient, by layer."""
    before, attributes = _read(run.network(network, "channels.h5"))
    after, _ = _read(run.network(network, "perturbations.h5"))
    layers = [*steps.inner_layers(list(attributes["layers"])), store.OUTPUTS]
    changes = []
    for layer in layers:
        key = f"{layer}/{field}"
        scale = before[key] if field == "std" else 1
        changes.append((after[f"mean_0/{key}"] - before[key]) / scale)
    return changes


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


def growth_on_a_parabola(run: Seed, rate: float) -> float:
    """Factor of the distance in each step of gradient descent where curvature is 1."""
    distance = 2.0
    for _ in range(10):
        distance -= rate * distance
    return (abs(distance) / 2) ** 0.1


def stability_limit_with_momentum(run: Seed, momentum: float) -> float:
    """Learning rate x curvature at which Nesterov's method stops converging.

    Found by bisection on the spectral radius of its step on a parabola; in closed form
    2 (1 + m) / (1 + 2 m).
    """
    stable, unstable = 0.0, 4.0
    while unstable - stable > 1e-9:
        rate = (stable + unstable) / 2
        # State: position and velocity; v' = m v + x, x' = x - rate (x + m v').
        step = np.array(
            [
                [1 - rate * (1 + momentum), -rate * momentum**2],
                [1, momentum],
            ]
        )
        if np.abs(np.linalg.eigvals(step)).max() < 1:
            stable = rate
        else:
            unstable = rate
    return stable


def _eigenvalues(run: Seed, network: str, name: str = "hessian.h5") -> np.ndarray:
    return _read(run.network(network, name), "eigenvalues")[0]["eigenvalues"]


def largest_eigenvalue(run: Seed, network: str) -> float:
    """The largest magnitude of an eigenvalue of the Hessian."""
    return np.abs(_eigenvalues(run, network)).max()


def residual_to_tolerance(run: Seed, network: str) -> float:
    """The largest relative residual of an eigenpair, in units of the tolerance."""
    arrays, attributes = _read(run.network(network, "hessian.h5"), "residual_norms")
    return arrays["residual_norms"].max() / attributes["tolerance"]


def ratio_of_eigenvalues(run: Seed, of: str, to: str) -> float:
    """Largest magnitudes of an eigenvalue in two networks, as a ratio."""
    return largest_eigenvalue(run, of) / largest_eigenvalue(run, to)


def _kinship(network: float, near: float, far: float) -> float:
    return abs(np.log(network / near)) / abs(np.log(network / far))


def eigenvalue_kinship(run: Seed, network: str, near: str, far: str) -> float:
    """Distance of the logarithms of the largest eigenvalues to near, to that to far."""
    return _kinship(*(largest_eigenvalue(run, part) for part in (network, near, far)))


def gradient_kinship(run: Seed, network: str, near: str, far: str) -> float:
    """The same of the squared norms of the first output's mean gradient."""
    return _kinship(*(_gradient(run, part).sum() for part in (network, near, far)))


def _gaps(run: Seed, network: str) -> np.ndarray:
    """Ratios of successive eigenvalues among the leading 1.5 x classes."""
    values = _eigenvalues(run, network)
    values = values[values > 0][: max(round(1.5 * run.classes), 3)]
    if len(values) <= run.classes:
        raise Missing("there are too few eigenvalues to see a gap; raise hessian.k")
    return values[:-1] / values[1:]


def largest_gap(run: Seed, network: str) -> float:
    """The largest ratio of successive leading eigenvalues."""
    return _gaps(run, network).max()


def ratio_of_largest_gaps(run: Seed, of: str, to: str) -> float:
    """Largest gaps in two networks' leading eigenvalues, as a ratio."""
    return largest_gap(run, of) / largest_gap(run, to)


def outliers_less_classes(run: Seed, network: str) -> float:
    """Number of eigenvalues before the largest gap, less the number of classes."""
    return float(_gaps(run, network).argmax() + 1 - run.classes)


def difference_of_outliers(run: Seed, of: str, over: str) -> float:
    """How many more eigenvalues one network has before its largest gap."""
    return outliers_less_classes(run, of) - outliers_less_classes(run, over)


def largest_shift_along_eigenvectors(run: Seed, network: str) -> float:
    """The most by which a step along a leading eigenvector shifts an output's mean."""
    outcomes = _outcomes(run, network)
    names = outcomes.index[outcomes.index.str.startswith("eigenvector")]
    path = run.network(network, "perturbations.h5")
    before, *after = steps.outputs_after(path, ["none", *names])
    return max(np.abs(outputs["mean"] - before["mean"]).max() for outputs in after)


def _outliers(run: Seed, network: str) -> pd.DataFrame:
    table = run.overlaps(network)
    if len(table) < run.classes:
        raise Missing("there are fewer eigenvectors than classes; raise hessian.k")
    return table[: run.classes - 1]


def outlier_overlap(run: Seed, network: str, moment: str) -> float:
    """Mean overlap of the first classes - 1 eigenvectors with a moment's gradients."""
    return _outliers(run, network)[moment].mean()


def smallest_outlier_overlap(run: Seed, network: str, moment: str) -> float:
    """The smallest overlap of the first classes - 1 eigenvectors."""
    return _outliers(run, network)[moment].min()


def later_overlap(run: Seed, network: str, moment: str) -> float:
    """Mean overlap of the five eigenvectors after the first classes - 1."""
    later = run.overlaps(network)[run.classes - 1 : run.classes + 4]
    if later.empty:
        raise Missing("there are no eigenvectors after the outliers; raise hessian.k")
    return later[moment].mean()


def next_overlap(run: Seed, network: str, moment: str, over: str) -> float:
    """By how much one moment explains more than another of eigenvector no. classes."""
    _outliers(run, network)
    row = run.overlaps(network).iloc[run.classes - 1]
    return row[moment] - row[over]


def leading_overlap(run: Seed, network: str, moment: str) -> float:
    """Mean overlap of the ten leading eigenvectors with a moment's gradients."""
    return run.overlaps(network)[:LEADING][moment].mean()


def ratio_of_leading_overlaps(run: Seed, network: str, of: str, to: str) -> float:
    """Overlaps of the ten leading eigenvectors with two moments, as a ratio."""
    return leading_overlap(run, network, of) / leading_overlap(run, network, to)


def share_of_mixed_eigenvectors(run: Seed, network: str) -> float:
    """The part of the ten leading that means and variances explain over 10 % each."""
    table = run.overlaps(network)[:LEADING]
    return ((table["mean"] > 0.1) & (table["variance"] > 0.1)).mean()


def _mean_gradients(run: Seed, network: str) -> np.ndarray:
    path = run.network(network, "moment_gradients.h5")
    return _read(path, "mean", "parameters/offset")[0]["mean"].astype(float)


def largest_random_overlap_to_chance(run: Seed, network: str) -> float:
    """The largest overlap of 20 random vectors, in units of classes / parameters."""
    basis, _ = np.linalg.qr(_mean_gradients(run, network).T)
    vectors = np.random.default_rng(0).normal(size=(20, len(basis)))
    overlaps = ((vectors @ basis) ** 2).sum(axis=1) / (vectors**2).sum(axis=1)
    return overlaps.max() * len(basis) / run.classes


def overlap_with_common_shift(run: Seed, network: str) -> float:
    """What the sum of the mean gradients adds to their differences: mean of outliers.

    The differences span classes - 1 directions.
    """
    gradients = _mean_gradients(run, network)
    differences, _ = np.linalg.qr((gradients[1:] - gradients[:-1]).T)
    everything, _ = np.linalg.qr(gradients.T)
    path = run.network(network, "hessian.h5")
    vectors = _read(path, "eigenvectors")[0]["eigenvectors"][: run.classes - 1]
    parts = (
        ((vectors @ basis) ** 2).sum(axis=1) for basis in (everything, differences)
    )
    whole, part = parts
    return (whole - part).mean()


def _unexplained(run: Seed, network: str) -> float:
    """Most curvature along one eigenvector that no moment explains."""
    table = run.overlaps(network)
    return (table.eigenvalue * (1 - table.total)).max()


def ratio_of_unexplained_curvature(run: Seed, of: str, to: str) -> float:
    """Most curvature along one eigenvector that no moment explains, as a ratio."""
    return _unexplained(run, of) / _unexplained(run, to)


def projected_to_whole(run: Seed, network: str) -> float:
    """Largest eigenvalue off the moments' gradients to that of the whole Hessian."""
    projected = np.abs(_eigenvalues(run, network, "hessian_projected.h5")).max()
    return projected / largest_eigenvalue(run, network)


def projected_to_other(run: Seed, of: str, to: str) -> float:
    """Largest eigenvalue off the moments' gradients to another network's largest."""
    projected = np.abs(_eigenvalues(run, of, "hessian_projected.h5")).max()
    return projected / largest_eigenvalue(run, to)

"""Gradients of the outputs' means, and the curvature of the loss."""

from functools import cache

import numpy as np

from normscope import store
from normscope.networks.layer_names import layer_of
from normscope.results import steps, training
from normscope.results.descent import stability_limit_with_momentum
from normscope.results.runs import Missing, Network, read

CLEAR_GAP = 1.5  # the least ratio of successive eigenvalues that counts as a gap


def layer_shares(network: Network) -> dict[str, float]:
    """Each layer's part of the squared norm of a mean gradient, the mean over all
    outputs, by the layer's name.
    """
    names, squares = _squares_by_layer(network)
    shares = (squares / squares.sum(axis=1, keepdims=True)).mean(axis=0)
    return dict(zip(names, map(float, shares), strict=True))


def last_layer_share(network: Network) -> float:
    """That part of the last layer."""
    return [*layer_shares(network).values()][-1]


def rank_of_last_layer(network: Network) -> float:
    """1 if that part is the largest of any layer, 2 if the second largest, ..."""
    *others, last = layer_shares(network).values()
    return float(1 + sum(share > last for share in others))


def scaled_squared_gradients(network: Network) -> np.ndarray:
    """||w||^2 ||g||^2 / variance of each output (K,), without unit.

    w are the parameters and g is the gradient of the output's mean. The root of it is
    the shift of the mean, in deviations, by a step along g as long as w (first order).
    """
    (outputs,) = steps.outputs_after(network.file("perturbations.h5"), ["none"])
    squares = _squares_by_layer(network)[1].sum(axis=1)
    return (
        training.parameter_norm(network) ** 2
        * squares
        / outputs["std"].astype(float) ** 2
    )


def median_scaled_squared_gradient(network: Network) -> float:
    """The median of these over the outputs."""
    return float(np.median(scaled_squared_gradients(network)))


def _squares_by_layer(network: Network) -> tuple[list[str], np.ndarray]:
    """The layers' names as they run, and squared norms of each mean's gradient in each
    (K, L).
    """
    return _squares(network.file("moment_gradients.h5"))


@cache
def _squares(path: str) -> tuple[list[str], np.ndarray]:
    arrays, attributes = store.read(
        path, "mean", "parameters/name", "parameters/offset"
    )
    squares = arrays["mean"].astype(float) ** 2
    by_tensor = np.add.reduceat(squares, arrays["parameters/offset"], axis=1)
    layers = list(attributes["layers"])
    by_layer = np.zeros((len(squares), len(layers)))
    for name, column in zip(arrays["parameters/name"], by_tensor.T, strict=True):
        by_layer[:, layers.index(layer_of(name, layers))] += column
    return layers, by_layer


def eigenvalues(network: Network) -> np.ndarray:
    """The leading eigenvalues of the Hessian (k,), descending."""
    return read(network.file("hessian.h5"), "eigenvalues")[0]["eigenvalues"]


def projected_eigenvalues(network: Network) -> np.ndarray:
    """The leading eigenvalues of P H P, off all moments' gradients (k,), descending."""
    return read(network.file("hessian_projected.h5"), "eigenvalues")[0]["eigenvalues"]


def eigenvalues_off_means(network: Network) -> np.ndarray:
    """The leading eigenvalues of P H P, off the means' gradients (k,), descending."""
    return read(network.file("hessian_off_means.h5"), "eigenvalues")[0]["eigenvalues"]


def largest_eigenvalue(network: Network) -> float:
    """The largest magnitude of an eigenvalue of the Hessian."""
    return float(np.abs(eigenvalues(network)).max())


def largest_stable_rate(network: Network, momentum: float) -> float:
    """The highest learning rate at which full-batch gradient descent with Nesterov's
    momentum is stable along the direction of the largest eigenvalue. Raises Missing
    where none of the leading ones is above 0, as negative ones limit no rate.
    """
    largest = float(eigenvalues(network).max())
    if largest <= 0:
        raise Missing("none of the leading eigenvalues is above 0")
    return stability_limit_with_momentum(momentum) / largest


def largest_projected_eigenvalue(network: Network) -> float:
    """The largest magnitude of an eigenvalue off all moments' gradients."""
    return float(np.abs(projected_eigenvalues(network)).max())


def largest_eigenvalue_off_means(network: Network) -> float:
    """The largest magnitude of an eigenvalue off the means' gradients."""
    return float(np.abs(eigenvalues_off_means(network)).max())


def scaled_largest_eigenvalue(network: Network) -> float:
    """The largest magnitude of an eigenvalue of the Hessian, times the squared norm of
    the parameters: it does not change where a norm makes weights' length meaningless.
    """
    return largest_eigenvalue(network) * training.parameter_norm(network) ** 2


def scaled_projected_eigenvalue(network: Network) -> float:
    """The same off all moments' gradients."""
    return largest_projected_eigenvalue(network) * training.parameter_norm(network) ** 2


def part_of_means(network: Network) -> float:
    """How much of what all moments take off the largest eigenvalue the means alone take
    off, as a ratio of logarithms: 1 if it is all, 0 if it is nothing.
    """
    whole = np.log(largest_eigenvalue(network))
    off_means = np.log(largest_eigenvalue_off_means(network))
    off_all = np.log(largest_projected_eigenvalue(network))
    return float(np.divide(whole - off_means, whole - off_all))


def residuals_to_tolerance(network: Network) -> np.ndarray:
    """The relative residual of each eigenpair by a fresh product with the Hessian, in
    units of the tolerance.
    """
    arrays, attributes = read(network.file("hessian.h5"), "residual_norms")
    return arrays["residual_norms"] / attributes["tolerance"]


def common_shift(network: Network) -> float:
    """The norm of H u in units of the largest eigenvalue's magnitude, u a unit vector
    that shifts all logits alike: 0 but for rounding.
    """
    attributes = read(network.file("hessian.h5"), "eigenvalues")[1]
    if "common_shift" not in attributes:
        raise Missing("its last parameters are not the rows of a classifier")
    return float(attributes["common_shift"] / largest_eigenvalue(network))


def gaps(network: Network) -> np.ndarray:
    """Ratios of successive leading positive eigenvalues, of all that were found."""
    values = eigenvalues(network)
    values = values[values > 0]
    if len(values) <= network.classes:
        raise Missing("there are too few eigenvalues to see a gap; raise hessian.k")
    return values[:-1] / values[1:]


def largest_gap(network: Network) -> float:
    """The largest ratio of successive leading eigenvalues."""
    return float(gaps(network).max())


def gap_after(network: Network) -> float:
    """The ratio of eigenvalue K - 1 to eigenvalue K, K classes."""
    return float(gaps(network)[network.classes - 2])


def rank_of_gap_after(network: Network) -> float:
    """1 if that ratio is the largest of all, 2 if the second largest, ..."""
    return float(1 + (gaps(network) > gap_after(network)).sum())


def outliers(network: Network) -> float:
    """Number of eigenvalues before the largest gap; raises Missing without a clear one.

    A gap is clear from a ratio of 1.5 on.
    """
    ratios = gaps(network)
    if ratios.max() < CLEAR_GAP:
        raise Missing(
            f"no gap: no ratio of successive eigenvalues reaches {CLEAR_GAP:g}"
        )
    return float(ratios.argmax() + 1)

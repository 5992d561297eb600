"""How steep the outputs' means and the loss are."""

import numpy as np

from normscope.results.runs import Missing, Network, read


def layer_gradients(network: Network) -> dict[str, float]:
    """Squared norm of the first output's mean gradient in each layer, by name."""
    path = network.file("moment_gradients.h5")
    arrays, _ = read(path, "mean", "parameters/name", "parameters/offset")
    squares = arrays["mean"][0].astype(float) ** 2
    by_layer = np.add.reduceat(squares, arrays["parameters/offset"])
    names = (name.removesuffix(".weight") for name in arrays["parameters/name"])
    return dict(zip(names, by_layer, strict=True))


def squared_gradient(network: Network) -> float:
    """Squared norm of the first output's mean gradient."""
    return _by_layer(network).sum()


def last_layer_share(network: Network) -> float:
    """The last layer's part of the squared norm of the first output's mean gradient."""
    layers = _by_layer(network)
    return layers[-1] / layers.sum()


def rank_of_last_layer(network: Network) -> float:
    """1 if that part is the largest of any layer, 2 if the second largest, ..."""
    layers = _by_layer(network)
    return float(1 + (layers > layers[-1]).sum())


def _by_layer(network: Network) -> np.ndarray:
    return np.array([*layer_gradients(network).values()])


def eigenvalues(network: Network) -> np.ndarray:
    """The leading eigenvalues of the Hessian (k,), descending."""
    return read(network.file("hessian.h5"), "eigenvalues")[0]["eigenvalues"]


def projected_eigenvalues(network: Network) -> np.ndarray:
    """The leading eigenvalues of P H P, off all moments' gradients (k,), descending."""
    return read(network.file("hessian_projected.h5"), "eigenvalues")[0]["eigenvalues"]


def largest_eigenvalue(network: Network) -> float:
    """The largest magnitude of an eigenvalue of the Hessian."""
    return np.abs(eigenvalues(network)).max()


def largest_projected_eigenvalue(network: Network) -> float:
    """The largest magnitude of an eigenvalue off the moments' gradients."""
    return np.abs(projected_eigenvalues(network)).max()


def residuals_to_tolerance(network: Network) -> np.ndarray:
    """The relative residual of each eigenpair, in units of the tolerance."""
    arrays, attributes = read(network.file("hessian.h5"), "residual_norms")
    return arrays["residual_norms"] / attributes["tolerance"]


def gaps(network: Network) -> np.ndarray:
    """Ratios of successive eigenvalues among the leading 1.5 x classes."""
    values, classes = eigenvalues(network), network.classes
    values = values[values > 0][: max(round(1.5 * classes), 3)]
    if len(values) <= classes:
        raise Missing("there are too few eigenvalues to see a gap; raise hessian.k")
    return values[:-1] / values[1:]


def largest_gap(network: Network) -> float:
    """The largest ratio of successive leading eigenvalues."""
    return gaps(network).max()


def outliers_less_classes(network: Network) -> float:
    """Number of eigenvalues before the largest gap, less the number of classes."""
    return float(gaps(network).argmax() + 1 - network.classes)

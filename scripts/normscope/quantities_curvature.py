"""How steep the outputs' means and the loss are, and what that allows."""

import numpy as np

from normscope.seeds import Missing, Seed, read


def _gradient(run: Seed, network: str) -> np.ndarray:
    """Squared norm of the first output's mean gradient in each layer."""
    path = run.network(network, "moment_gradients.h5")
    arrays, _ = read(path, "mean", "parameters/offset")
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
    return read(run.network(network, name), "eigenvalues")[0]["eigenvalues"]


def largest_eigenvalue(run: Seed, network: str) -> float:
    """The largest magnitude of an eigenvalue of the Hessian."""
    return np.abs(_eigenvalues(run, network)).max()


def residual_to_tolerance(run: Seed, network: str) -> float:
    """The largest relative residual of an eigenpair, in units of the tolerance."""
    arrays, attributes = read(run.network(network, "hessian.h5"), "residual_norms")
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


def projected_to_whole(run: Seed, network: str) -> float:
    """Largest eigenvalue off the moments' gradients to that of the whole Hessian."""
    projected = np.abs(_eigenvalues(run, network, "hessian_projected.h5")).max()
    return projected / largest_eigenvalue(run, network)


def projected_to_other(run: Seed, of: str, to: str) -> float:
    """Largest eigenvalue off the moments' gradients to another network's largest."""
    projected = np.abs(_eigenvalues(run, of, "hessian_projected.h5")).max()
    return projected / largest_eigenvalue(run, to)

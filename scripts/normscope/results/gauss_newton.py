"""The Gauss-Newton matrix beside the Hessian, and where the gradient lies."""

import numpy as np

from normscope.results import optional
from normscope.results.curvature import eigenvalues
from normscope.results.runs import Missing, Network, read


def gauss_newton_eigenvalues(network: Network) -> np.ndarray:
    """The leading eigenvalues of the Gauss-Newton matrix (k,), descending."""
    return _read(network, "eigenvalues")


def largest_gauss_newton_eigenvalue(network: Network) -> float:
    """The largest of them."""
    return float(gauss_newton_eigenvalues(network)[0])


def gauss_newton_to_hessian(network: Network) -> np.ndarray:
    """The ratios of its leading eigenvalues to the Hessian's, one less than classes."""
    count = _outliers(network)
    return gauss_newton_eigenvalues(network)[:count] / eigenvalues(network)[:count]


def rest_to_eigenvalue(network: Network) -> np.ndarray:
    """||(H - G) v|| / lambda of the Hessian's leading pairs, one less than classes."""
    return _read(network, "rest")[: _outliers(network)]


def overlap_with_gauss_newton(network: Network) -> float:
    """The mean squared overlap of the Hessian's leading eigenvectors with the span of
    as many of the Gauss-Newton matrix, one less than classes: 1 where spans are equal.
    """
    count = _outliers(network)
    path = network.file("hessian.h5")
    ours = read(path, "eigenvalues", "eigenvectors")[0]["eigenvectors"][:count]
    theirs = _read(network, "eigenvectors")[:count]
    return float(((ours @ theirs.T).astype(float) ** 2).sum() / count)


def gradient_share(network: Network) -> float:
    """The share of the loss's squared gradient in the span of the Hessian's leading
    eigenvectors, one less than classes (Gur-Ari et al. 2018).
    """
    return float(_read(network, "gradient_shares")[: _outliers(network)].sum())


def true_residuals_to_tolerance(network: Network) -> np.ndarray:
    """The relative residual of each of the Hessian's pairs by a product in float64, in
    units of the tolerance; raises Missing where the device had none.
    """
    found = _read(network, "residual_norms_float64")
    if np.isnan(found).any():
        raise Missing("the device has no float64")
    _, attributes = read(network.file("hessian.h5"), "residual_norms")
    return found / attributes["tolerance"]


def _outliers(network: Network) -> int:
    """As many as the classes less one, which theory gives outliers."""
    count = network.classes - 1
    if len(eigenvalues(network)) < count:
        raise Missing("there are fewer eigenpairs than classes; raise hessian.k")
    return count


def _read(network: Network, name: str) -> np.ndarray:
    return read(optional.file(network, "gauss_newton.h5"), name)[0][name]

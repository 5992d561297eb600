"""Densities and traces of whole spectra, and what of them is in the leading pairs."""

import numpy as np

from normscope import store
from normscope.results import optional
from normscope.results.runs import Network, read, read_groups

WIDTH = 0.01  # of the Gaussians that broaden eigenvalues, over the largest magnitude
MERGED = 3  # eigenvalues at one place: no outliers


def density(network: Network, matrix: str) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (starts, nodes) of the spectrum's density, of the matrix called
    hessian or gauss_newton; each start's weights sum to 1.
    """
    arrays = store.group(read(optional.file(network, "spectrum.h5"), matrix)[0], matrix)
    return arrays["nodes"], arrays["weights"]


def trace(network: Network, matrix: str) -> float:
    """The sum of all eigenvalues."""
    return float(_said(network, matrix)["trace"])


def trace_error(network: Network, matrix: str) -> float:
    """The standard error of that estimate."""
    return float(_said(network, matrix)["trace_error"])


def outliers_share_of_trace(network: Network, matrix: str) -> float:
    """The sum of the leading eigenvalues, one less than classes, over that of all."""
    known, _ = _known(network, matrix)
    return float(known[: network.classes - 1].sum() / trace(network, matrix))


def negative_share(network: Network, matrix: str) -> float:
    """The share of negative eigenvalues in the sum of the magnitudes of all.

    Their number would say little: most are 0 but for the estimate's error.
    """
    nodes, weights = density(network, matrix)
    sums = weights * np.abs(nodes)
    return float(sums[nodes < 0].sum() / sums.sum())


def outliers_beyond_density(network: Network, matrix: str) -> float:
    """Number of leading eigenvalues beyond the edge of the density.

    Eigenvalues are broadened by Gaussians of 1 % of the largest magnitude. The edge is
    the largest value at which they add up to the height of three of them.
    """
    nodes, weights = density(network, matrix)
    known, dimension = _known(network, matrix)
    width = WIDTH * np.abs(nodes).max()
    edge = -np.inf
    for at in np.arange(nodes.min(), nodes.max() + width, width / 4):
        near = np.exp(-0.5 * ((at - nodes) / width) ** 2)
        if dimension * (weights * near).sum(axis=1).mean() >= MERGED:
            edge = at
    return float((known > edge).sum())


def _known(network: Network, matrix: str) -> tuple[np.ndarray, float]:
    """The eigenvalues that are known, descending, and the number of all."""
    nodes, weights = density(network, matrix)
    return nodes[0, : int(_said(network, matrix)["known"])], 1 / weights[0, 0]


def _said(network: Network, matrix: str) -> dict:
    """The attributes of the matrix."""
    return read_groups(optional.file(network, "spectrum.h5"))[matrix]

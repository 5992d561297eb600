"""How much of the leading eigenvectors the gradients of the moments explain."""

import numpy as np
import pandas as pd

from normscope import tables
from normscope.results.runs import Missing, Network, read

COLUMNS = {
    "eigenvector": "count",
    "eigenvalue": "number",
    "mean": "number",
    "variance": "number",
    "third_moment": "number",
    "total": "number",
}
LEADING = 10  # eigenvectors that the article looks at
LATER = 5  # eigenvectors after the outliers


def overlaps(network: Network) -> pd.DataFrame:
    """The squared overlaps of its eigenvectors, a row each."""
    return tables.read(network.file("overlaps.csv"), COLUMNS)


def leading_overlap(network: Network, moment: str, first: int = LEADING) -> float:
    """Mean overlap of the `first` eigenvectors with a moment's gradients."""
    return overlaps(network)[moment][:first].mean()


def outlier_overlaps(network: Network, moment: str) -> pd.Series:
    """Overlaps of the first classes - 1 eigenvectors with a moment's gradients."""
    table, classes = overlaps(network), network.classes
    if len(table) < classes:
        raise Missing("there are fewer eigenvectors than classes; raise hessian.k")
    return table[moment][: classes - 1]


def overlap_after_outliers(network: Network, moment: str) -> float:
    """Overlap of the one eigenvector after the first classes - 1."""
    last = outlier_overlaps(network, moment).index[-1]
    return overlaps(network)[moment][last + 1]


def later_overlap(network: Network, moment: str) -> float:
    """Mean overlap of the five eigenvectors after the first classes - 1."""
    first = network.classes - 1
    later = overlaps(network)[moment][first : first + LATER]
    if later.empty:
        raise Missing("there are no eigenvectors after the outliers; raise hessian.k")
    return later.mean()


def share_of_mixed_eigenvectors(network: Network) -> float:
    """The part of the ten leading that means and variances explain over 10 % each."""
    table = overlaps(network)[:LEADING]
    return ((table["mean"] > 0.1) & (table["variance"] > 0.1)).mean()


def unexplained_curvature(network: Network) -> float:
    """Most curvature along one eigenvector that no moment explains."""
    table = overlaps(network)
    return (table.eigenvalue * (1 - table.total)).max()


def random_overlaps_to_chance(network: Network) -> np.ndarray:
    """Overlap of 20 random vectors with the mean gradients, each in units of
    classes / parameters.
    """
    basis, _ = np.linalg.qr(_mean_gradients(network).T)
    vectors = np.random.default_rng(0).normal(size=(20, len(basis)))
    squares = ((vectors @ basis) ** 2).sum(axis=1) / (vectors**2).sum(axis=1)
    return squares * len(basis) / network.classes


def overlap_with_common_shift(network: Network) -> float:
    """What the sum of the mean gradients adds to their differences: mean of outliers.

    The differences span classes - 1 directions.
    """
    gradients = _mean_gradients(network)
    vectors = read(network.file("hessian.h5"), "eigenvectors")[0]["eigenvectors"]
    vectors = vectors[: network.classes - 1]

    def overlap(rows: np.ndarray) -> np.ndarray:
        basis, _ = np.linalg.qr(rows.T)
        return ((vectors @ basis) ** 2).sum(axis=1)

    return (overlap(gradients) - overlap(gradients[1:] - gradients[:-1])).mean()


def _mean_gradients(network: Network) -> np.ndarray:
    path = network.file("moment_gradients.h5")
    return read(path, "mean", "parameters/offset")[0]["mean"].astype(float)

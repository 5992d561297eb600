"""How much of the leading eigenvectors the gradients of the moments explain."""

import numpy as np
import pandas as pd

from normscope.seeds import Missing, Seed, read

LEADING = 10  # eigenvectors that the article looks at


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
    return read(path, "mean", "parameters/offset")[0]["mean"].astype(float)


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
    vectors = read(path, "eigenvectors")[0]["eigenvectors"][: run.classes - 1]
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

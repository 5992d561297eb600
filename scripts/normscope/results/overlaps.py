"""How much of the leading eigenvectors gradients of the logits explain."""

import numpy as np
import pandas as pd

from normscope import store, tables
from normscope.results import training
from normscope.results.runs import Missing, Network

COLUMNS = {
    "eigenvector": "count",
    **dict.fromkeys(
        (
            "eigenvalue", "mean", "variance", "third_moment", "total",
            "variance_alone", "third_moment_alone",
            "mean_last", "variance_last", "third_moment_last",
            "class_mean", "placebo", "placebo_high", "placebo_all", "placebo_all_high",
            "variance_last_placebo_high", "third_moment_last_placebo_high",
        ),
        "number",
    ),
}  # fmt: skip
LATER = 5  # eigenvectors after the outliers
MIXED = 0.1  # overlap with means, and with variances, of a mixed eigenvector


def overlaps(network: Network) -> pd.DataFrame:
    """The squared overlaps of its eigenvectors, a row each."""
    return tables.read(network.file("overlaps.csv"), COLUMNS)


def leading_overlap(network: Network, column: str) -> float:
    """Mean of a column over the first K eigenvectors, K classes."""
    return float(_leading(network)[column].mean())


def smallest_leading_overlap(network: Network, column: str) -> float:
    """Smallest value of a column over the first K eigenvectors, K classes."""
    return float(_leading(network)[column].min())


def outlier_overlaps(network: Network, column: str) -> np.ndarray:
    """A column's values for the first K - 1 eigenvectors, K classes."""
    return _leading(network)[column].to_numpy()[:-1]


def overlap_after_outliers(network: Network, column: str) -> float:
    """A column's value for the Kth eigenvector, the one after the first K - 1."""
    return float(_leading(network)[column].iloc[-1])


def later_overlap(network: Network, column: str) -> float:
    """Mean of a column over the five eigenvectors after the first K - 1."""
    first = network.classes - 1
    later = overlaps(network)[column][first : first + LATER]
    if later.empty:
        raise Missing("there are no eigenvectors after the outliers; raise hessian.k")
    return float(later.mean())


def cut_after_outliers(network: Network) -> float:
    """Overlap with the mean gradients of the Kth eigenvector, as a ratio to the
    smallest of the K - 1 before.
    """
    smallest = outlier_overlaps(network, "mean").min()
    return float(overlap_after_outliers(network, "mean") / smallest)


def lead_over_placebo(network: Network) -> np.ndarray:
    """Overlap of each of the first K - 1 eigenvectors with the mean gradients, less the
    95 % point of placebo spaces of the same size.
    """
    high = outlier_overlaps(network, "placebo_high")
    return outlier_overlaps(network, "mean") - high


def overlaps_to_placebo(network: Network) -> np.ndarray:
    """Overlap of each of the first K eigenvectors with the mean gradients, to the
    95 % point of placebo spaces of the same size.
    """
    first = _leading(network)
    return np.divide(first["mean"].to_numpy(), first["placebo_high"].to_numpy())


def lead_of_all_over_placebo(network: Network) -> float:
    """Mean overlap of the first K eigenvectors with the gradients of all moments, less
    the 95 % point of placebo spaces of 3 K gradients.
    """
    high = leading_overlap(network, "placebo_all_high")
    return leading_overlap(network, "total") - high


def lead_over_placebo_last(network: Network, moment: str) -> float:
    """What the gradients of a moment, `variance` or `third_moment`, add to those of the
    other two in the first K eigenvectors, less the 95 % point of what placebo gradients
    add to them: the mean over the eigenvectors.
    """
    high = leading_overlap(network, f"{moment}_last_placebo_high")
    return leading_overlap(network, f"{moment}_last") - high


def lead_over_class_means(network: Network) -> float:
    """Mean overlap of the first K - 1 eigenvectors with the gradients of the means over
    all images, less that with the gradients of the class means.
    """
    over_classes = outlier_overlaps(network, "class_mean")
    return float((outlier_overlaps(network, "mean") - over_classes).mean())


def mixed_eigenvectors(network: Network) -> float:
    """Share of mixed ones among the first K eigenvectors. A mixed one overlaps with the
    mean gradients by over 0.1, and with what variance gradients add by over 0.1.
    """
    first = _leading(network)
    return float(((first["mean"] > MIXED) & (first["variance"] > MIXED)).mean())


def unexplained_curvature(network: Network) -> float:
    """Most curvature along one eigenvector that no moment explains, eigenvalue times
    (1 - total), in units of one over the squared norm of the parameters.
    """
    if is_most_left_at_last(network):
        raise Missing(
            "the most is left at the last pair found: a lower bound; raise hessian.k"
        )
    return most_left(network) * training.parameter_norm(network) ** 2


def most_left(network: Network) -> float:
    """The same of the pairs found, in the loss's own unit."""
    return float(_left(network).max())


def is_most_left_at_last(network: Network) -> bool:
    """Whether that is a lower bound, as later pairs may leave more."""
    left = _left(network)
    return bool(left.argmax() == len(left) - 1)


def _left(network: Network) -> np.ndarray:
    table = overlaps(network)
    return (table.eigenvalue * (1 - table.total)).to_numpy()


def random_overlap_to_chance(network: Network) -> float:
    """Mean overlap of 20 random vectors with the mean gradients, in units of K / P: of
    classes to parameters.
    """
    path = network.file("moment_gradients.h5")
    gradients = store.read(path, "mean", "parameters/offset")[0]["mean"].astype(float)
    basis, _ = np.linalg.qr(gradients.T)
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(20):  # one at a time, as each is as large as the network
        vector = rng.normal(size=len(basis))
        shares.append(((vector @ basis) ** 2).sum() / (vector**2).sum())
    return float(np.mean(shares) * len(basis) / network.classes)


def _leading(network: Network) -> pd.DataFrame:
    """The rows of the first K eigenvectors, K classes."""
    table = overlaps(network)
    if len(table) < network.classes:
        raise Missing("there are fewer eigenvectors than classes; raise hessian.k")
    return table[: network.classes]

"""Curvature and gradients on the way through training."""

from math import isnan

import numpy as np
import pandas as pd

from normscope.results import optional
from normscope.results.runs import Missing, Network

PATH = {
    "epoch": "number",
    "learning_rate": "number",
    "lambda_1": "number",
    "lambda_2": "number",
    "lambda_3": "number",
    "limit": "number",
    "batch_sharpness": "number",
    "update_cosine": "loss",  # there is no update before the first
    "gradient_share": "number",
    "mean_gradient": "number",
    "variance_gradient": "number",
    "third_moment_gradient": "number",
    "majority_share": "number",
    "critical_length": "number",
    "parameter_norm": "number",
    "layer_scaled_gradient": "number",
    "projected_lambda_1": "loss",  # of the last checkpoint alone
    "products": "number",
}
OVERLAPS = {
    "epoch": "number",
    "eigenvector": "number",
    **dict.fromkeys(
        (
            "eigenvalue", "mean", "variance", "third_moment", "total",
            "variance_alone", "third_moment_alone",
            "mean_last", "variance_last", "third_moment_last",
            "placebo", "placebo_all",
        ),
        "number",
    ),
}  # fmt: skip
PLACEBOS = {"mean": "placebo", "total": "placebo_all"}  # spaces of the same size
ON_THE_WAY = (1, 2, 5, 10, 20)  # epochs
ARTICLE = 10  # the epoch at which the article looks


def path(network: Network) -> pd.DataFrame:
    """A row for each checkpoint, by its epoch."""
    return optional.table(network, "training_path.csv", PATH).set_index("epoch")


def largest(table: pd.DataFrame) -> pd.Series:
    """The largest of the three leading eigenvalues of each row of a path. It is the one
    that limits the learning rate, and `lambda_1`, of largest magnitude, may be below 0.
    """
    return table[["lambda_1", "lambda_2", "lambda_3"]].max(axis=1)


def critical_lengths_on_the_way(network: Network) -> np.ndarray:
    """The shortest relative step along a mean logit's gradient that gives its class a
    majority, the median over classes, at epochs 1, 2, 5, 10 and 20.
    """
    return np.array([at(network, epoch).critical_length for epoch in ON_THE_WAY])


def curvature_at(network: Network, epoch: int) -> float:
    """The largest magnitude of an eigenvalue after that epoch."""
    return abs(float(at(network, epoch).lambda_1))


def projected_curvature_at(network: Network, epoch: int) -> float:
    """The same off all moments' gradients; of the last checkpoint alone."""
    value = abs(float(at(network, epoch).projected_lambda_1))
    if isnan(value):
        raise Missing(f"epoch {epoch} is not the last of config key checkpoints")
    return value


def growth_of_curvature(network: Network) -> float:
    """The largest magnitude of an eigenvalue after 20 epochs over that after ten."""
    return curvature_at(network, 20) / curvature_at(network, ARTICLE)


def layer_scaled_gradient(network: Network) -> float:
    """The squared gradient of a mean logit with each layer's part times the layer's own
    squared length, the median over the logits, after ten epochs.
    """
    return float(at(network, ARTICLE).layer_scaled_gradient)


def overlaps_at(network: Network, epoch: int, column: str) -> np.ndarray:
    """A column's squared overlaps of the outliers among the leading three eigenvectors
    after that epoch: of the first K - 1, K classes, where these are fewer.
    """
    return _outliers_at(network, epoch)[column].to_numpy()


def leads_over_placebo_at(network: Network, epoch: int, column: str) -> np.ndarray:
    """The same of the column `mean` or `total`, less those with placebo spaces of the
    same size.
    """
    placebos = overlaps_at(network, epoch, PLACEBOS[column])
    return overlaps_at(network, epoch, column) - placebos


def path_overlaps(network: Network) -> pd.DataFrame:
    """The squared overlaps on the way, a row for each checkpoint and eigenvector."""
    return optional.table(network, "path_overlaps.csv", OVERLAPS)


def _outliers_at(network: Network, epoch: int) -> pd.DataFrame:
    """The rows of that epoch; raises Missing where there are none."""
    table = path_overlaps(network)
    table = table[table.epoch == epoch]
    if table.empty:
        raise Missing(f"config key training.checkpoints has no epoch {epoch}")
    return table[: network.classes - 1]


def at(network: Network, epoch: int) -> pd.Series:
    """The row of that epoch; raises Missing where there is none."""
    table = path(network)
    if epoch not in table.index:
        raise Missing(f"config key training.checkpoints has no epoch {epoch}")
    return table.loc[epoch]

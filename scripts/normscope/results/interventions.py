"""What becomes of networks that are trained on, pushed too far, or changed inside."""

import numpy as np
import pandas as pd

from normscope.results import optional
from normscope.results.runs import Missing, Network
from normscope.results.training import HELD, held

ON = {
    "factor": "number",
    "learning_rate": "number",
    "step": "number",
    "loss": "loss",
    "lambda_1": "loss",
    "inner_mean": "loss",
    "mean_gradient": "loss",
}
WATCH = {
    "step": "number",
    "broken_at": "loss",  # inf where the loss does not break away
    "learning_rate": "number",
    "loss": "number",
    "lambda_1": "number",
    "limit": "number",  # of their product, for full-batch steps
    "update_cosine": "number",
}
CENTRING = {
    "inputs": "text",
    "lambda_1": "text",
    "inner_gradient": "text",
    "last_gradient": "text",
}
SCALING = {
    "layer": "text",
    "kurtosis": "text",
    "rise": "text",
    "fall": "text",
    "slope": "text",
}
RISEN = 3.0  # times its value at the start
NEAR = 64  # steps before the stress test breaks
NORMAL = 4.0  # kurtosis up to which a channel counts as about normal
SLOPE = 1 / np.sqrt(2 * np.pi)  # of a normal channel's mean behind ReLU by deviation


def trained_on(network: Network) -> pd.DataFrame:
    """The looks at the network while it is trained on, at each factor of the limit."""
    return optional.table(network, "train_on.csv", ON)


def curvature_rise_below_limit(network: Network) -> float:
    """The most to which the largest eigenvalue rises, in units of that at the start,
    while the frozen network is trained on at a rate below its limit.
    """
    return float((_steepest(network).lambda_1 / _steepest(network).lambda_1[0]).max())


def mean_rise_below_limit(network: Network) -> float:
    """What the inner means have risen to, in units of those at the start, at the first
    look at which the largest eigenvalue has risen threefold; at that rate.

    Raises Missing where it never does.
    """
    table = _steepest(network)
    risen = table[table.lambda_1 >= RISEN * table.lambda_1[0]]
    if risen.empty:
        raise Missing("below the limit the largest eigenvalue never triples")
    return float(risen.inner_mean.iloc[0] / table.inner_mean[0])


def _steepest(network: Network) -> pd.DataFrame:
    """The looks at that rate below the limit at which curvature rises most."""
    table = trained_on(network)
    below = table[table.factor < 1]
    if below.empty:
        raise Missing("config key stability.factors has none below 1")
    groups = [rows.reset_index(drop=True) for _, rows in below.groupby("factor")]
    return max(groups, key=lambda rows: (rows.lambda_1 / rows.lambda_1[0]).max())


def stress_watch(network: Network) -> pd.DataFrame:
    """The looks at the stress test up to the step at which its loss breaks away."""
    return optional.table(network, "stress_watch.csv", WATCH)


def rate_times_curvature_before_break(network: Network) -> float:
    """The largest product of learning rate and largest eigenvalue in the last 64 steps
    before the loss of the stress test breaks away.
    """
    table = _near(network)
    return float((table.learning_rate * table.lambda_1).max())


def update_cosine_before_break(network: Network) -> float:
    """The largest magnitude of the cosine of a step and the steepest direction then."""
    return float(_near(network).update_cosine.max())


def harmless_crossings(network: Network) -> float:
    """Of the looks at which rate times curvature is above the limit, the share of those
    more than 64 steps before the break.

    Of looks every 32 steps, so that all of the test counts alike. Raises Missing where
    there is none.
    """
    table = stress_watch(network)
    evenly = table[table.step % 32 == 0]
    crossed = evenly[evenly.learning_rate * evenly.lambda_1 > evenly.limit]
    if crossed.empty:
        raise Missing("rate times curvature never crosses the limit")
    return float((crossed.step < crossed.broken_at - NEAR).mean())


def _near(network: Network) -> pd.DataFrame:
    table = stress_watch(network)
    if np.isinf(table.broken_at[0]):
        raise Missing("the loss of the stress test does not break away")
    return table[table.step >= table.broken_at - NEAR]


def inner_gradient_by_centring(network: Network) -> float:
    """The squared gradient of a mean logit in all layers but the last, over that with
    every convolution's inputs centred.
    """
    return _ratio(network, "inner_gradient")


def curvature_by_centring(network: Network) -> float:
    """The largest eigenvalue over that with every convolution's inputs centred."""
    return _ratio(network, "lambda_1")


def _ratio(network: Network, column: str) -> float:
    table = optional.table(network, "centring.csv", CENTRING).set_index("inputs")
    values = table[column].astype(float)
    return float(values["as they are"] / values["centred"])


def scaling(network: Network) -> pd.DataFrame:
    """A row for each convolution whose weights were scaled."""
    table = optional.table(network, "scaling.csv", SCALING).set_index("layer")
    return table.astype(float)


def signed_moves(network: Network) -> np.ndarray:
    """By how much the means behind the next norm rise where a convolution's weights
    grow by 5 %, and fall where they shrink: (L, 2), both above 0 if the sign is right.
    """
    table = scaling(network)
    return np.stack([table.rise, -table.fall], axis=1)


def slope_errors(network: Network) -> np.ndarray:
    """Of the layers with about normal channels, the distance of the slope of means by
    deviations from 1 / sqrt(2 pi), in units of it. Raises Missing where there is none.
    """
    table = scaling(network)
    normal = table[table["kurtosis"] < NORMAL]
    if normal.empty:
        raise Missing(f"no layer's channels have a kurtosis below {NORMAL:g}")
    return np.abs(normal.slope.to_numpy() / SLOPE - 1)


def lowest_held_loss(network: Network) -> float:
    """The lowest train loss at any of the held learning rates, with SGD."""
    return _lowest(held(network))


def lowest_second_order_loss(network: Network) -> float:
    """The lowest train loss at any held learning rate, with second-order steps."""
    return _lowest(optional.table(network, "second_order.csv", HELD))


def _lowest(rows: pd.DataFrame) -> float:
    finite = rows[~rows.diverged]
    if finite.empty:
        raise Missing("at every held learning rate the loss diverged")
    return float(finite.train_loss.min())

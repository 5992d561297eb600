"""How networks train: the stress test, epochs, and the weights they come to."""

import numpy as np
import pandas as pd

from normscope import store, tables
from normscope.results.runs import Missing, Network

EPOCH = {
    "epoch": "count",
    "learning_rate": "number",
    "train_loss": "number",
    "train_accuracy": "number",
    "test_loss": "number",
    "test_accuracy": "number",
}
TRAINING = EPOCH | {"seconds": "number"}
STRESS = EPOCH | {"train_loss": "loss", "test_loss": "loss", "diverged": "truth"}
NEAR_BEST = 0.9  # of its best accuracy: a network counts as stable there


def epochs(network: Network) -> pd.DataFrame:
    """The epochs of its training, a row each."""
    return tables.read(network.file("training.csv"), TRAINING)


def stress(network: Network) -> pd.DataFrame:
    """The epochs of its stress test, a row each."""
    return tables.read(network.stress_file(), STRESS)


def stable_rate(network: Network) -> float:
    """The highest learning rate of the stress test that the network stands.

    Of the epochs that did not diverge, the last in which the train accuracy was over
    90 % of the network's best; 0 if the first diverged.
    """
    table = stress(network)
    finite = table[~table.diverged]
    near_best = finite.train_accuracy > NEAR_BEST * finite.train_accuracy.max()
    return finite.learning_rate[near_best].max() if len(finite) else 0.0


def breaking_rate(network: Network) -> float:
    """Where accuracy first halves after its best, or training diverges; else inf."""
    table = stress(network)
    if table.diverged.all():
        return table.learning_rate.iloc[0]
    best = table.train_accuracy[~table.diverged].idxmax()
    fallen = table.train_accuracy < table.train_accuracy[best] / 2
    broken = table.learning_rate[(table.diverged | fallen) & (table.index > best)]
    return broken.min() if len(broken) else np.inf


def diverged_in_stress(network: Network) -> float:
    """1 if the stress test ended with a loss that was not finite, else 0."""
    return float(stress(network).diverged.any())


def best_rate(network: Network) -> float:
    """The learning rate of the stress test at which train accuracy is best."""
    table = stress(network)
    return table.learning_rate[table.train_accuracy.idxmax()]


def best_stress_accuracy(network: Network) -> float:
    """The best train accuracy in the stress test."""
    return stress(network).train_accuracy.max()


def stress_lead_at_best(network: Network, over: Network) -> float:
    """Lead in train accuracy at the rate at which the other network is at its best."""
    ahead, behind = stress(network), stress(over)
    best = behind.train_accuracy.idxmax()
    return ahead.train_accuracy[best] - behind.train_accuracy[best]


def stress_accuracy_at_max_lr(network: Network, of: Network) -> float:
    """Train accuracy at the max_lr of another, in units of chance; 0 if diverged."""
    table = stress(network)
    reached = table[(table.learning_rate >= of.settings["max_lr"]) & ~table.diverged]
    if reached.empty and not table.diverged.any():
        raise Missing("the stress test ends below that learning rate")
    return 0.0 if reached.empty else reached.train_accuracy.iloc[0] * network.classes


def train_accuracy(network: Network) -> float:
    """Train accuracy in the last epoch."""
    return epochs(network).train_accuracy.iloc[-1]


def epoch_seconds(network: Network) -> float:
    """Median seconds of an epoch's training pass."""
    return epochs(network).seconds.median()


def gap_deviation(network: Network) -> float:
    """How much the gap of train to test accuracy varies over epochs."""
    table = epochs(network)
    return (table.train_accuracy - table.test_accuracy).std()


def largest_gap_of_softplus() -> float:
    """The most by which log(1 + exp(10 x)) / 10 exceeds ReLU: at 0."""
    inputs = np.linspace(-2, 2, 4001)
    return (np.logaddexp(0, 10 * inputs) / 10 - np.maximum(inputs, 0)).max()


def parameter_norm(network: Network) -> float:
    """The norm of the parameter vector."""
    path = network.file("moment_gradients.h5")
    return store.attributes(path)["parameter_norm"]

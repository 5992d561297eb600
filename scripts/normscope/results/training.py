"""How networks train: rates that they stand, epochs, and the weights they come to."""

from math import ceil, isclose

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
TRAINING = EPOCH | {
    "seconds": "number",
    "train_mode_accuracy": "number",
    "evaluation_mode_accuracy": "number",
}
STRESS = EPOCH | {"train_loss": "loss", "test_loss": "loss", "diverged": "truth"}
HELD = {
    "learning_rate": "number",
    "train_loss": "loss",
    "train_accuracy": "number",
    "diverged": "truth",
}
NEAR_BEST = 0.9  # of its best accuracy: a network counts as stable there
TRAINS = 1.5  # times chance: a network that comes so far has begun to learn


def epochs(network: Network) -> pd.DataFrame:
    """The epochs of its training, a row each."""
    return tables.read(network.file("training.csv"), TRAINING)


def stress(network: Network) -> pd.DataFrame:
    """The epochs of its stress test, a row each."""
    return tables.read(network.stress_file(), STRESS)


def held(network: Network) -> pd.DataFrame:
    """A row for each held learning rate, ascending."""
    return tables.read(network.held_file(), HELD)


def stable_rate(network: Network) -> float:
    """The highest learning rate of the stress test that the network stands.

    Of the epochs that did not diverge, the last in which the train accuracy was over
    90 % of the network's best; 0 if the first diverged.
    """
    table = stress(network)
    finite = table[~table.diverged]
    near_best = finite.train_accuracy > NEAR_BEST * finite.train_accuracy.max()
    return float(finite.learning_rate[near_best].max()) if len(finite) else 0.0


def highest_rate(network: Network) -> float:
    """The highest of the held learning rates at which the network trains.

    It trains where the loss stays finite and its accuracy reaches `least_accuracy`.
    """
    finite = _finite(network)
    trains = finite.train_accuracy >= least_accuracy(network)
    return float(finite.learning_rate[trains].max())


def least_accuracy(network: Network) -> float:
    """The accuracy from which on a network counts as training at a held learning rate:
    half the way from chance to that at its best rate.

    Raises Missing where no rate brings it to 1.5 times chance.
    """
    best, chance = _finite(network).train_accuracy.max(), 1 / network.classes
    if not best >= TRAINS * chance:
        raise Missing(
            "at none of the held learning rates does the network train; add lower ones "
            "to config key learning_rate_stress.held.rates"
        )
    return float((best + chance) / 2)


def _finite(network: Network) -> pd.DataFrame:
    table = held(network)
    return table[~table.diverged]


def lowest_failing_rate(network: Network) -> float:
    """The lowest of the held learning rates above `highest_rate`, at which the network
    does not train; raises Missing where it trains at the highest of all.
    """
    rates, highest = held(network).learning_rate, highest_rate(network)
    if highest == rates.max():
        raise Missing("it trains at the highest of the held learning rates")
    return float(rates[rates > highest].min())


def learnt_share_at_rate_of(network: Network, of: Network) -> float:
    """How far train accuracy at the held rate that is the max_lr of another network is
    on the way from chance to 1; of accuracy 0 if the loss was not finite.
    """
    table, rate = held(network), of.settings["max_lr"]
    at = table[[isclose(each, rate) for each in table.learning_rate]]
    if at.empty:
        raise Missing(
            f"config key learning_rate_stress.held.rates lacks the rate {rate:g}"
        )
    accuracy = 0.0 if at.diverged.iloc[0] else at.train_accuracy.iloc[0]
    return _learnt(accuracy, network)


def train_accuracy(network: Network) -> float:
    """Train accuracy in the last epoch."""
    return float(epochs(network).train_accuracy.iloc[-1])


def accuracy_after(network: Network, part: float) -> float:
    """Train accuracy in the epoch that ends this part of the training, rounded up."""
    table = epochs(network)
    # So that 0.3 of ten epochs, 3.0000000000000004, is three.
    epoch = ceil(round(part * len(table), 9))
    return float(table.train_accuracy.iloc[epoch - 1])


def learnt_share(network: Network) -> float:
    """How far train accuracy in the last epoch is on the way from chance to 1."""
    return _learnt(train_accuracy(network), network)


def _learnt(accuracy: float, network: Network) -> float:
    chance = 1 / network.classes
    return float((accuracy - chance) / (1 - chance))


def epoch_seconds(network: Network) -> float:
    """Median seconds of an epoch's training pass."""
    return float(epochs(network).seconds.median())


def mode_gap(network: Network) -> float:
    """Accuracy in training mode less that in evaluation mode, of the same train images
    with the same weights: the median over the second half of the epochs.
    """
    table = epochs(network)
    later = table[len(table) // 2 :]
    return float((later.train_mode_accuracy - later.evaluation_mode_accuracy).median())


def largest_gap_of_softplus() -> float:
    """The most by which log(1 + exp(10 x)) / 10 exceeds ReLU: at 0."""
    inputs = np.linspace(-2, 2, 4001)
    return (np.logaddexp(0, 10 * inputs) / 10 - np.maximum(inputs, 0)).max()


def parameter_norm(network: Network) -> float:
    """The norm of the parameter vector."""
    path = network.file("moment_gradients.h5")
    return float(store.attributes(path)["parameter_norm"])

"""How networks train: the stress test, epochs, and the weights they come to."""

import numpy as np
import pandas as pd

from normscope import store
from normscope.seeds import Missing, Seed


def _breaking_rate(table: pd.DataFrame) -> float:
    """Where accuracy first halves after its best, or training diverges; else inf."""
    if table.diverged.all():
        return table.learning_rate.iloc[0]
    best = table.train_accuracy[~table.diverged].idxmax()
    fallen = table.train_accuracy < table.train_accuracy[best] / 2
    broken = table.learning_rate[(table.diverged | fallen) & (table.index > best)]
    return broken.min() if len(broken) else np.inf


def ratio_of_stable_to_breaking_rate(run: Seed, of: str, to: str) -> float:
    """The last rate near one network's best accuracy to that which breaks another."""
    table = run.stress(of)
    near_best = table.train_accuracy > 0.9 * table.train_accuracy.max()
    stable = table.learning_rate[near_best & ~table.diverged].max()
    return stable / _breaking_rate(run.stress(to))


def diverged_in_stress(run: Seed, network: str) -> float:
    """1 if the stress test ended with a loss that was not finite, else 0."""
    return float(run.stress(network).diverged.any())


def ratio_of_best_rates(run: Seed, of: str, to: str) -> float:
    """Learning rates at which the networks are at their best, as a ratio."""
    tables = (run.stress(of), run.stress(to))
    first, second = (t.learning_rate[t.train_accuracy.idxmax()] for t in tables)
    return first / second


def stress_lead_at_best(run: Seed, of: str, over: str) -> float:
    """Lead in train accuracy at the rate at which the other network is at its best."""
    ahead, behind = run.stress(of), run.stress(over)
    best = behind.train_accuracy.idxmax()
    return ahead.train_accuracy[best] - behind.train_accuracy[best]


def best_stress_accuracy_difference(run: Seed, of: str, over: str) -> float:
    """Difference of the best train accuracies in the stress test."""
    return run.stress(of).train_accuracy.max() - run.stress(over).train_accuracy.max()


def stress_accuracy_at_max_lr(run: Seed, network: str, of: str) -> float:
    """Train accuracy at the max_lr of another, in units of chance; 0 if diverged."""
    table = run.stress(network)
    rate = run.variants[run.networks[of]]["max_lr"] if of in run.networks else None
    if rate is None:
        raise Missing(f"no network of this run is {of.replace('_', ' ')}")
    reached = table[(table.learning_rate >= rate) & ~table.diverged]
    if reached.empty and not table.diverged.any():
        raise Missing("the stress test ends below that learning rate")
    return 0.0 if reached.empty else reached.train_accuracy.iloc[0] * run.classes


def train_accuracy(run: Seed, network: str) -> float:
    """Train accuracy in the last epoch."""
    return run.training(network).train_accuracy.iloc[-1]


def ratio_of_epoch_seconds(run: Seed, of: str, to: str) -> float:
    """Median seconds of an epoch of one network to those of another."""
    return run.training(of).seconds.median() / run.training(to).seconds.median()


def ratio_of_gap_deviations(run: Seed, of: str, to: str) -> float:
    """How much more the gap of train to test accuracy varies over epochs."""
    tables = (run.training(of), run.training(to))
    first, second = ((t.train_accuracy - t.test_accuracy).std() for t in tables)
    return first / second


def largest_gap_of_softplus(run: Seed) -> float:
    """The most by which log(1 + exp(10 x)) / 10 exceeds ReLU: at 0."""
    inputs = np.linspace(-2, 2, 4001)
    return (np.logaddexp(0, 10 * inputs) / 10 - np.maximum(inputs, 0)).max()


def _parameter_norm(run: Seed, network: str) -> float:
    return store.attributes(run.network(network, "moment_gradients.h5"))[
        "parameter_norm"
    ]


def ratio_of_parameter_norms(run: Seed, of: str, to: str) -> float:
    """Norms of the parameter vectors, as a ratio."""
    return _parameter_norm(run, of) / _parameter_norm(run, to)

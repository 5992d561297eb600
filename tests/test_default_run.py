"""The article's central result in the embedded default; minutes, so run by hand."""

import pandas as pd
import pytest
from running import ROOT, changed, snakemake
from test_workflow import NETWORKS

SEEDS = (0, 1, 2)
OUTLIERS = 9  # ten classes less one


def tables(directory, pattern, networks):
    """Tables of the default run by seed and network."""
    targets = {
        (seed, network): pattern.format(seed=seed, network=network)
        for seed in SEEDS
        for network in networks
    }
    config = changed(directory, f"seeds: {list(SEEDS)}")
    done = snakemake(
        directory, "--configfile", ROOT / "config.yaml", config, "--", *targets.values()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {key: pd.read_csv(directory / path) for key, path in targets.items()}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("default")


@pytest.fixture(scope="module")
def overlaps(directory):
    return tables(directory, "results/demo/seed{seed}/{network}/overlaps.csv", NETWORKS)


@pytest.fixture(scope="module")
def stress(directory):
    return tables(
        directory,
        "results/demo/seed{seed}/lr_stress/{network}.csv",
        ("batch_norm", "no_batch_norm"),
    )


@pytest.mark.hand
@pytest.mark.parametrize("seed", SEEDS)
def test_batch_norm_stands_learning_rates_that_break_the_network_without(stress, seed):
    with_norm, without = (
        stress[seed, name] for name in ("batch_norm", "no_batch_norm")
    )
    accuracy = with_norm.train_accuracy
    fine = with_norm.learning_rate[accuracy > 0.9 * accuracy.max()].max()
    best = without.train_accuracy.idxmax()
    broken = without.diverged | (
        without.train_accuracy < without.train_accuracy[best] / 2
    )
    breaks = without.learning_rate[broken & (without.index > best)].min()
    assert 5 * breaks <= fine


@pytest.mark.hand
@pytest.mark.parametrize("seed", SEEDS)
def test_curvature_is_steep_without_active_batch_norm(overlaps, seed):
    largest = {
        network: overlaps[seed, network].eigenvalue.max() for network in NETWORKS
    }
    assert largest["frozen_batch_norm"] >= 5 * largest["batch_norm"]
    assert largest["no_batch_norm"] >= 5 * largest["batch_norm"]
    assert largest["frozen_post_batch_norm"] < largest["frozen_batch_norm"]


@pytest.mark.hand
@pytest.mark.parametrize("seed", SEEDS)
def test_frozen_outliers_lie_in_the_span_of_the_moment_gradients(overlaps, seed):
    table = overlaps[seed, "frozen_batch_norm"]
    assert table["mean"][:OUTLIERS].mean() >= 0.6
    assert table["mean"][OUTLIERS : OUTLIERS + 5].mean() <= 0.45
    assert table["total"][:OUTLIERS].mean() >= 0.8

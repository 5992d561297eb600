"""The article's central result in the embedded default; minutes, so run by hand."""

import pandas as pd
import pytest
from test_workflow import NETWORKS, ROOT, changed, snakemake

SEEDS = (0, 1, 2)
OUTLIERS = 9  # ten classes less one


@pytest.fixture(scope="module")
def overlaps(tmp_path_factory):
    """Tables of overlaps by seed and network."""
    directory = tmp_path_factory.mktemp("default")
    targets = {
        (seed, network): f"results/demo/seed{seed}/{network}/overlaps.csv"
        for seed in SEEDS
        for network in NETWORKS
    }
    config = changed(directory, f"seeds: {list(SEEDS)}")
    done = snakemake(
        directory, "--configfile", ROOT / "config.yaml", config, "--", *targets.values()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {key: pd.read_csv(directory / path) for key, path in targets.items()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_curvature_is_steep_without_active_batch_norm(overlaps, seed):
    largest = {
        network: overlaps[seed, network].eigenvalue.max() for network in NETWORKS
    }
    assert largest["frozen_batch_norm"] >= 5 * largest["batch_norm"]
    assert largest["no_batch_norm"] >= 5 * largest["batch_norm"]
    assert largest["frozen_post_batch_norm"] < largest["frozen_batch_norm"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_frozen_outliers_lie_in_the_span_of_the_moment_gradients(overlaps, seed):
    table = overlaps[seed, "frozen_batch_norm"]
    assert table["mean"][:OUTLIERS].mean() >= 0.6
    assert table["mean"][OUTLIERS : OUTLIERS + 5].mean() <= 0.45
    assert table["total"][:OUTLIERS].mean() >= 0.8

"""One or two threads: the same to the bounds that the README gives."""

import h5py
import numpy as np
import pandas as pd
import pytest
from running import CONFIGS, changed, snakemake

NETWORKS = ("batch_norm", "frozen_batch_norm")
RULES = ("train_network", "differentiate_moments", "decompose_hessian")
FILES = ("moment_gradients.h5", "hessian.h5", "hessian_projected.h5", "overlaps.csv")
TARGETS = [
    f"results/smoke/seed0/{network}/{name}" for network in NETWORKS for name in FILES
]


pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same networks on one and on two threads."""
    folders = []
    for threads in (1, 2):
        folder = tmp_path_factory.mktemp(f"threads{threads}")
        done = snakemake(
            folder, "--set-threads", *(f"{rule}={threads}" for rule in RULES),
            *CONFIGS, changed(folder, "hessian: {tolerance: 1.0e-4}"), "--", *TARGETS,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        assert ("threads: 2" in output) == (threads == 2)
        folders.append(folder)
    return folders


def both(runs, network, file):
    return (folder / f"results/smoke/seed0/{network}/{file}" for folder in runs)


def arrays(paths, name):
    for path in paths:
        with h5py.File(path) as file:
            yield file[name][()]


@pytest.mark.parametrize("network", NETWORKS)
def test_moment_gradients_agree_to_one_in_a_thousand(runs, network):
    for name in ("mean", "variance", "third_moment"):
        one, two = arrays(both(runs, network, "moment_gradients.h5"), name)
        assert np.linalg.norm(one - two) < 1e-3 * np.linalg.norm(one)


@pytest.mark.parametrize("network", NETWORKS)
def test_eigenvalues_and_overlaps_agree_to_one_in_a_thousand(runs, network):
    for file in ("hessian.h5", "hessian_projected.h5"):
        one, two = arrays(both(runs, network, file), "eigenvalues")
        np.testing.assert_allclose(one, two, rtol=1e-3)
    one, two = map(pd.read_csv, both(runs, network, "overlaps.csv"))
    np.testing.assert_allclose(one.total, two.total, atol=1e-3)

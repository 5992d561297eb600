"""One or two threads: the same to the bounds that the README gives."""

import h5py
import numpy as np
import pandas as pd
import pytest
from running import CONFIGS, changed, snakemake

TARGETS = [
    f"results/smoke/seed0/batch_norm/{name}"
    for name in ("network.pt", "moment_gradients.h5", "hessian.h5", "overlaps.csv")
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same network on one and on two threads."""
    folders = []
    for cores in ("1", "2"):
        folder = tmp_path_factory.mktemp(f"threads{cores}")
        done = snakemake(
            folder, "--cores", cores, *CONFIGS,
            changed(folder, "hessian: {tolerance: 1.0e-4}"), "--", *TARGETS,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        folders.append(folder)
    return folders


def read(folder, target, name):
    with h5py.File(folder / target) as file:
        return file[name][()]


def test_moment_gradients_agree_to_one_in_a_thousand(runs):
    for name in ("mean", "variance", "third_moment"):
        one, two = (read(folder, TARGETS[1], name) for folder in runs)
        assert np.linalg.norm(one - two) < 1e-3 * np.linalg.norm(one)


def test_eigenvalues_and_overlaps_agree_to_one_in_a_thousand(runs):
    one, two = (read(folder, TARGETS[2], "eigenvalues") for folder in runs)
    np.testing.assert_allclose(one, two, rtol=1e-3)
    one, two = (pd.read_csv(folder / TARGETS[3]) for folder in runs)
    np.testing.assert_allclose(one.total, two.total, atol=1e-3)

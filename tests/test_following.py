"""Curvature on the way through training: warm starts, sharpness, training_path.csv."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from beyond_jobs import EPOCHS, LOOKED, checkpoints_in
from snakemake.iocontainers import InputFiles
from torch.autograd.functional import hessian as dense_hessian
from torch.func import functional_call

import follow_training
from normscope import devices
from normscope.curvature import sharpness
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.curvature.subspaces import orthonormal
from normscope.curvature.warm_start import leading_near
from normscope.networks import files
from normscope.networks.parameters import detached, flatten, unflatten
from normscope.outputs import path_gradients, spans

PATH = [
    "epoch", "learning_rate", "lambda_1", "lambda_2", "lambda_3", "limit",
    "batch_sharpness", "update_cosine", "gradient_share", "mean_gradient",
    "variance_gradient", "third_moment_gradient", "majority_share", "critical_length",
    "parameter_norm", "layer_scaled_gradient", "projected_lambda_1", "products",
]  # fmt: skip


@pytest.fixture
def place(tmp_path, dataset_file):
    return {"dataset": dataset_file(), "folder": tmp_path}


@pytest.fixture
def kept(job, place):
    return partial(checkpoints_in, place["folder"], job, place["dataset"])


class Matrix:
    """A dense matrix as an operator that counts its products."""

    def __init__(self, matrix):
        self.matrix, self.dimension = matrix, len(matrix)
        self.device = matrix.device

    def __call__(self, vector):
        return self.matrix @ vector


def spectrum(rng, size=400):
    """Nine outliers and a bulk, as of a trained network, and its eigenvectors."""
    values = torch.cat([torch.linspace(9, 3, 9), torch.linspace(1, -0.2, size - 9)])
    vectors, _ = torch.linalg.qr(torch.randn(size, size, generator=rng))
    return values, vectors


def test_a_warm_start_finds_the_same_with_fewer_products(rng):
    """Of matrices that differ by a little, as those of neighbouring checkpoints do."""
    products = {"cold": 0, "warm": 0}
    for _ in range(3):
        values, vectors = spectrum(rng)
        noise = torch.randn(400, 400, generator=rng)
        before = Matrix(vectors @ values.diag() @ vectors.T)
        after = Matrix(before.matrix + 0.005 * (noise + noise.T))
        known = leading_eigenpairs(before, 3, 1e-3, rng, starts=1).eigenvectors
        exact = torch.linalg.eigvalsh(after.matrix.double()).flip(0)[:3]
        cold = leading_eigenpairs(after, 3, 1e-3, rng, starts=1)
        warm = leading_near(after, 3, 1e-3, rng, known)
        for name, pairs in (("cold", cold), ("warm", warm)):
            torch.testing.assert_close(pairs.eigenvalues, exact, rtol=1e-3, atol=0)
            assert pairs.residual_norms.max() <= 1e-3
            products[name] += pairs.matvecs
    assert products["warm"] <= 0.8 * products["cold"]


def test_a_direction_that_is_new_is_seen_from_a_warm_start(rng):
    """The new largest eigenvector is orthogonal to all known ones."""
    values, vectors = spectrum(rng)
    known = vectors[:, :3].T
    changed = values.clone()
    changed[200] = 12.0
    after = Matrix(vectors @ changed.diag() @ vectors.T)
    warm = leading_near(after, 3, 1e-3, rng, known)
    torch.testing.assert_close(
        warm.eigenvalues.float(), torch.tensor([12, 9, 8.25]), rtol=1e-3, atol=0
    )


def dense(network, loss, batch):
    images, labels = batch
    parameters = detached(network)
    flat = flatten(parameters.values())

    def value(vector):
        outputs = functional_call(network, unflatten(vector, parameters), (images,))
        return loss(outputs, labels)

    point = flat.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(point), point)
    return gradient, dense_hessian(value, flat)


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_batch_sharpness_is_that_of_dense_hessians(tiny, batches, loss, norm):
    network, some = tiny(norm=norm), batches()
    expected = []
    for batch in some:
        g, matrix = dense(network, loss, batch)
        expected.append(((g @ matrix @ g) / (g @ g)).item())
    found = sharpness.batch_sharpness(network, loss, some)
    assert found == pytest.approx(np.mean(expected), rel=1e-6)


def test_a_share_within_a_span():
    rows = torch.eye(3)[:2]
    assert sharpness.share_within(torch.tensor([3.0, 0, 4]), rows) == pytest.approx(
        0.36
    )
    assert np.isnan(sharpness.share_within(torch.zeros(3), rows))


@pytest.fixture
def followed(job, place):
    """Run follow_training on those checkpoints; return its table."""

    def make(paths, frozen=False):
        path = place["folder"] / "training_path.csv"
        this = job(
            "follow_training",
            {},
            {
                "path": str(path),
                "overlaps": str(place["folder"] / "path_overlaps.csv"),
                "logits": str(place["folder"] / "path_logits.h5"),
            },
            {
                "hessian": LOOKED,
                "smoothing": 0.5,
                "momentum": 0.9,
                "batch_size": 6,
                "checkpoints": EPOCHS,
                "frozen": frozen,
            },
            seed="0",
            network="mine",
        )
        # As Snakemake has it: the files one after the other, and names for some.
        this.input = InputFiles([place["dataset"], *paths])
        this.input.dataset, this.input.checkpoints = place["dataset"], paths
        follow_training.main(this)
        return pd.read_csv(path)

    return make


def test_a_gradient_scaled_by_layer_is_unmoved_by_their_scales(rng):
    weights = {
        "a": torch.randn(4, 3, generator=rng),
        "b": torch.randn(5, generator=rng),
    }
    rows = torch.randn(3, 17, generator=rng)
    expected = [
        ((row[:12].norm() * weights["a"].norm()) ** 2).item()
        + ((row[12:].norm() * weights["b"].norm()) ** 2).item()
        for row in rows
    ]
    found = path_gradients.layer_scaled(rows, weights)
    assert found == pytest.approx(np.median(expected))
    scaled = {"a": 3 * weights["a"], "b": weights["b"] / 2}
    by_scaled = torch.cat([rows[:, :12] / 3, 2 * rows[:, 12:]], dim=1)
    assert path_gradients.layer_scaled(by_scaled, scaled) == pytest.approx(found)


def test_the_path_has_a_row_for_each_checkpoint(kept, followed, dataset, loss):
    paths = kept()
    table = followed(paths)
    assert list(table) == PATH
    assert list(table.epoch) == EPOCHS
    assert table.update_cosine.isna().tolist() == [True, False, False]
    network = files.prepare_analysis(files.load(paths[2])[0], torch.device("cpu"))
    batch = follow_training.datasets.fixed_batches(dataset, 0, 12, 12)
    cold = leading_eigenpairs(
        Hessian(network, loss, batch, 1.0), 3, 1e-3, devices.generator(0, "x"), starts=1
    )
    by_size = sorted(cold.eigenvalues.tolist(), key=abs, reverse=True)
    found = table[["lambda_1", "lambda_2", "lambda_3"]].iloc[2]
    assert found.tolist() == pytest.approx(by_size, rel=2e-3)
    norm = flatten(detached(network).values()).norm().item()
    assert table.parameter_norm[2] == pytest.approx(norm)


def test_the_last_row_has_the_curvature_off_the_moments(kept, followed, dataset, loss):
    paths = kept("none")
    found = followed(paths).projected_lambda_1
    assert found.isna().tolist() == [True, True, False]
    network = files.prepare_analysis(files.load(paths[2])[0], torch.device("cpu"))
    (batch,) = follow_training.datasets.fixed_batches(dataset, 0, 12, 12)
    rows = orthonormal(spans.all_gradients(network, [batch]).double())
    _, matrix = dense(network, loss, batch)
    off = torch.eye(len(matrix)).double() - rows.T @ rows
    expected = torch.linalg.eigvalsh(off @ matrix.double() @ off)
    largest = expected[expected.abs().argmax()].item()
    assert found[2] == pytest.approx(largest, rel=2e-3)
    assert abs(largest) < torch.linalg.eigvalsh(matrix).abs().max()


def test_a_frozen_copy_is_followed_with_its_own_statistics(kept, followed, job, place):
    paths = kept()
    active, frozen = followed(paths), followed(paths, frozen=True)
    assert (active.lambda_1 != frozen.lambda_1).all()
    assert active.parameter_norm.tolist() == frozen.parameter_norm.tolist()


def test_a_killed_job_follows_on(kept, followed, monkeypatch, place):
    paths = kept("none")
    expected = followed(paths)
    columns, made = path_gradients.columns, []

    def killed_once(*arguments):
        made.append(1)
        if len(made) == 2:
            raise KeyboardInterrupt
        return columns(*arguments)

    monkeypatch.setattr(path_gradients, "columns", killed_once)
    with pytest.raises(KeyboardInterrupt):
        followed(paths)
    pd.testing.assert_frame_equal(followed(paths), expected)
    assert len(made) == 4

"""Overlaps and logits on the way through training: their files."""

from functools import partial
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import test_following
import torch
from beyond_jobs import EPOCHS
from scipy.stats import gaussian_kde

from normscope import devices, store
from normscope.curvature import overlaps, path_overlaps
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.images import datasets
from normscope.networks import files
from normscope.outputs import moments, path_gradients, path_logits, rivals, spans
from normscope.results import paths
from normscope.results.runs import Network

place, kept, followed = (
    getattr(test_following, name) for name in ("place", "kept", "followed")
)  # fixtures
MOMENT_COLUMNS = [*paths.OVERLAPS][3:-2]


@pytest.fixture
def trained(kept, dataset):
    """The network at the last checkpoint as it is analysed, and the batch looked at."""
    network = files.prepare_analysis(files.load(kept()[-1])[0], torch.device("cpu"))
    return network, datasets.fixed_batches(dataset, 0, 12, 12)


def test_overlaps_are_those_of_measure_overlaps(kept, followed, trained, loss, place):
    """By its functions, at the last checkpoint's weights from a cold start."""
    followed(kept())
    table = pd.read_csv(place["folder"] / "path_overlaps.csv")
    assert list(table) == list(paths.OVERLAPS)
    assert table.epoch.tolist() == list(chain(*([epoch] * 3 for epoch in EPOCHS)))
    network, batches = trained
    hessian = Hessian(network, loss, batches, 1.0)
    rng = devices.generator(0, "x")
    pairs = leading_eigenpairs(hessian, 3, 1e-5, rng, starts=1)
    found = table[-3:].reset_index()
    np.testing.assert_allclose(found.eigenvalue, pairs.eigenvalues, rtol=1e-3)
    expected = overlaps.overlap_columns(
        pairs.eigenvectors,
        list(moments.moment_gradients(network, batches)),
        *rivals.rival_gradients(network, batches, 3, rng),
        rng,
    )
    for name in MOMENT_COLUMNS:
        np.testing.assert_allclose(found[name], expected[name], atol=0.01)
    assert expected["total"].max() > 0.1
    network_files = Network(place["folder"])
    pd.testing.assert_frame_equal(paths.path_overlaps(network_files), table)


def test_the_columns_are_projections_on_each_span(trained):
    """On orthonormal bases by QR in float64, of random vectors."""
    network, batches = trained
    signs = partial(devices.generator, 0, "signs")
    of_moments = moments.moment_gradients(network, batches)
    placebos = spans.placebo_gradients(network, batches, signs)
    vectors = torch.eye(of_moments.shape[2])[::40]

    def share(rows):
        basis, triangle = torch.linalg.qr(rows.double().T)
        assert triangle.diagonal().abs().min() > 1e-6 * triangle.abs().max()
        return (vectors.double() @ basis).square().sum(dim=1).numpy()

    found = path_overlaps.path_columns(vectors, of_moments, placebos)
    assert list(found) == [*MOMENT_COLUMNS, "placebo", "placebo_all"]
    mean, variance, third = of_moments
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    close(found["mean"], share(mean))
    close(found["total"], share(of_moments.flatten(end_dim=1)))
    both = torch.cat([mean, variance])
    close(found["variance"], share(both) - share(mean))
    close(found["third_moment_alone"], share(third))
    close(found["placebo_all"], share(placebos))
    one_each = [share(rows) for rows in placebos.split(3)]
    close(found["placebo"], np.mean(one_each, axis=0))


def test_densities_are_those_of_the_logits(kept, followed, trained, loss, place):
    followed(kept())
    arrays, about = store.read(str(place["folder"] / "path_logits.h5"))
    assert arrays["epochs"].tolist() == EPOCHS
    assert (about["images"], len(about["classes"])) == (12, 3)
    grid, density = arrays["grid"], arrays["density"]
    step = grid[1] - grid[0]
    assert density.shape == (3, 3, len(grid))
    network, ((images, labels),) = trained
    with torch.no_grad():
        logits = network(images)
    kde = [gaussian_kde(channel.double().numpy()) for channel in logits.T]
    for row, one in zip(density[-1], kde, strict=True):
        expected = [
            one.integrate_box_1d(x - step / 2, x + step / 2) / step for x in grid
        ]
        np.testing.assert_allclose(row, expected, atol=0.01 * max(expected))
        # Of so few images the kernels are wide, and reach beyond the grid.
        inside = one.integrate_box_1d(grid[0] - step / 2, grid[-1] + step / 2)
        assert row.sum() * step == pytest.approx(inside, abs=0.005)
    predicted = logits.argmax(dim=1)
    for name, value in {
        "mean": logits.mean(dim=0),
        "loss": loss(logits, labels),
        "accuracy": (predicted == labels).float().mean(),
        "predicted_share": torch.eye(3)[predicted].mean(dim=0),
    }.items():
        np.testing.assert_allclose(arrays[name][-1], value, rtol=1e-4, atol=1e-6)


def test_densities_integrate_to_one(rng):
    looks = [
        {"logits": scale * torch.randn(256, 4, generator=rng), "mean": torch.zeros(4),
         "predicted_share": torch.ones(4) / 4, "loss": torch.tensor(1.0),
         "accuracy": torch.tensor(0.5)}
        for scale in (0.01, 1.0, 1.5, 2.0)
    ]  # fmt: skip
    found = path_logits.arrays([0, 1, 2, 5], looks)
    step = found["grid"][1] - found["grid"][0]
    mass = found["density"].sum(axis=2) * step
    np.testing.assert_allclose(mass, np.ones((4, 4)), atol=0.01)


def test_a_killed_job_writes_the_same_files(kept, followed, monkeypatch, place):
    def written():
        followed(given)
        text = (place["folder"] / "path_overlaps.csv").read_text()
        return text, store.read(str(place["folder"] / "path_logits.h5"))[0]

    given = kept("none")
    table, arrays = written()
    save, made = path_gradients.columns, []

    def killed_at_the_last(*arguments):
        made.append(1)
        if len(made) == len(EPOCHS):
            raise KeyboardInterrupt
        return save(*arguments)

    monkeypatch.setattr(path_gradients, "columns", killed_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        written()
    again, more = written()
    assert again == table
    assert len(made) == len(EPOCHS) + 1
    for name, values in arrays.items():
        np.testing.assert_array_equal(more[name], values)

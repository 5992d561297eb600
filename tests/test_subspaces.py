"""Overlaps of subspaces made by hand, and against decompositions in float64."""

import numpy as np
import pytest
import torch

from normscope.curvature import subspaces
from normscope.curvature.subspaces import (
    inner_products,
    orthonormal_groups,
    squared_overlaps,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def overlap(vectors, rows, chosen=None):
    """The squared overlaps with the span of the rows, or of the chosen ones."""
    vectors, rows = torch.as_tensor(vectors), torch.as_tensor(rows)
    chosen = torch.as_tensor(range(len(rows)) if chosen is None else chosen)
    return squared_overlaps(*inner_products(vectors, [rows]), chosen)


def by_qr(vectors, rows):
    """The same by Householder's QR of the rows in float64."""
    basis, _ = np.linalg.qr(np.asarray(rows, dtype=float).T)
    return np.square(np.asarray(vectors, dtype=float) @ basis).sum(axis=1)


def unit_rows(rng, count, dimension):
    vectors = rng.normal(size=(count, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def test_later_groups_count_only_what_earlier_ones_leave():
    x, y, z, w = np.eye(4)
    first, second = orthonormal_groups(
        [np.stack([2 * x, x + y]), np.stack([y + 3 * z, x])]
    )
    assert first.shape == (2, 4)
    np.testing.assert_allclose(abs(second), [[0, 0, 1, 0]], atol=1e-6)
    vectors = np.stack([x, z, w, (x + y + z + w) / 2])
    rows = np.stack([2 * x, x + y, y + 3 * z, x])
    np.testing.assert_allclose(overlap(vectors, rows, [0, 1]), [1, 0, 0, 0.5])
    np.testing.assert_allclose(overlap(vectors, rows), [1, 1, 0, 0.75])


def test_dependent_vectors_add_no_direction(rng):
    rows = np.array([[1.0, 2, 0], [2, 4, 0], [0, 0, 0]])
    (basis,) = orthonormal_groups([rows])
    assert basis.shape == (1, 3)
    vectors = np.stack([[1, 2, 0] / np.sqrt(5), [0.0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(overlap(vectors, rows), [1, 0.8, 0], atol=1e-12)
    np.testing.assert_array_equal(overlap(vectors, rows, [2]), 0)


def test_rows_are_orthonormal_where_vectors_nearly_coincide(rng):
    base = rng.normal(size=(1, 500))
    near = base + 1e-3 * rng.normal(size=(10, 500))
    (basis,) = orthonormal_groups([near.astype(np.float32)])
    np.testing.assert_allclose(basis @ basis.T, np.eye(10), atol=1e-6)


@pytest.mark.parametrize("noise", [1, 0.14, 0.01])
def test_overlaps_equal_those_of_a_qr_where_groups_nearly_depend(rng, noise):
    """Third moments beside means: a cosine of .99 for a noise of .14, and exact copies
    besides, all of very different lengths.
    """
    means = rng.normal(size=(10, 3000)) + 3 * rng.normal(size=3000)
    thirds = 1e4 * (means + noise * means.std() * rng.normal(size=means.shape))
    rows = np.concatenate([means, thirds, 1e-3 * means[:2]]).astype(np.float32)
    vectors = np.concatenate(
        [unit_rows(rng, 5, 3000), unit_rows(rng, 5, 20) @ rows[:20]]
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = overlap(vectors.astype(np.float32), rows)
    np.testing.assert_allclose(found, by_qr(vectors, rows[:20]), rtol=0, atol=1e-6)
    first = overlap(vectors.astype(np.float32), rows, range(10))
    np.testing.assert_allclose(first, by_qr(vectors, rows[:10]), rtol=0, atol=1e-6)
    assert (found[5:] > 1 - 1e-5).all()


def test_products_are_the_same_in_blocks_of_columns(rng, monkeypatch):
    vectors, one, two = (torch.from_numpy(unit_rows(rng, n, 100)) for n in (3, 4, 2))
    monkeypatch.setattr(subspaces, "BLOCK", 7)
    products, gram = inner_products(vectors, [one, two])
    rows = torch.cat([one, two]).double()
    torch.testing.assert_close(products, vectors.double() @ rows.T)
    torch.testing.assert_close(gram, rows @ rows.T)


def test_a_random_vector_overlaps_by_the_dimensions_ratio(rng):
    found = overlap(unit_rows(rng, 200, 20_000), unit_rows(rng, 10, 20_000))
    assert abs(found.mean() - 10 / 20_000) < 5e-5

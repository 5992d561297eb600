"""Overlaps of subspaces made by hand."""

import numpy as np
import pytest

from normscope.curvature.subspaces import orthonormal_groups, overlaps


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_later_groups_count_only_what_earlier_ones_leave():
    x, y, z, w = np.eye(4)
    first, second = orthonormal_groups(
        [np.stack([2 * x, x + y]), np.stack([y + 3 * z, x])]
    )
    assert first.shape == (2, 4)
    assert second.shape == (1, 4)
    vectors = np.stack([x, z, w, (x + y + z + w) / 2])
    np.testing.assert_allclose(overlaps(vectors, first), [1, 0, 0, 0.5], atol=1e-6)
    np.testing.assert_allclose(overlaps(vectors, second), [0, 1, 0, 0.25], atol=1e-6)


def test_dependent_vectors_add_no_direction():
    (basis,) = orthonormal_groups([np.array([[1.0, 2, 0], [2, 4, 0], [0, 0, 0]])])
    assert basis.shape == (1, 3)


def test_rows_are_orthonormal_where_vectors_nearly_coincide(rng):
    base = rng.normal(size=(1, 500))
    near = base + 1e-3 * rng.normal(size=(10, 500))
    (basis,) = orthonormal_groups([near.astype(np.float32)])
    np.testing.assert_allclose(basis @ basis.T, np.eye(10), atol=1e-6)


def test_a_random_vector_overlaps_by_the_dimensions_ratio(rng):
    (basis,) = orthonormal_groups([rng.normal(size=(10, 20_000))])
    vectors = rng.normal(size=(200, 20_000))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert abs(overlaps(vectors, basis).mean() - 10 / 20_000) < 5e-5

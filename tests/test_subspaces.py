"""Overlaps of subspaces made by hand."""

import torch

from normscope.subspaces import orthonormal_groups, overlaps


def test_later_groups_count_only_what_earlier_ones_leave():
    x, y, z, w = torch.eye(4)
    first, second = orthonormal_groups(
        [torch.stack([2 * x, x + y]), torch.stack([y + 3 * z, x])]
    )
    assert first.shape == (2, 4)
    assert second.shape == (1, 4)
    diagonal = (x + y + z + w) / 2
    vectors = torch.stack([x, z, w, diagonal])
    torch.testing.assert_close(
        overlaps(vectors, first), torch.tensor([1, 0, 0, 0.5]), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        overlaps(vectors, second), torch.tensor([0, 1, 0, 0.25]), atol=1e-6, rtol=0
    )


def test_dependent_vectors_add_no_direction():
    vectors = torch.tensor([[1.0, 2, 0], [2, 4, 0], [0, 0, 0]])
    (basis,) = orthonormal_groups([vectors])
    assert basis.shape == (1, 3)


def test_rows_are_orthonormal_where_vectors_nearly_coincide(draws):
    base = torch.randn(1, 500, generator=draws)
    near = base + 1e-3 * torch.randn(10, 500, generator=draws)
    (basis,) = orthonormal_groups([near])
    torch.testing.assert_close(basis @ basis.T, torch.eye(10), atol=1e-6, rtol=0)


def test_a_random_vector_overlaps_by_the_dimensions_ratio(draws):
    (basis,) = orthonormal_groups([torch.randn(10, 20_000, generator=draws)])
    vectors = torch.nn.functional.normalize(torch.randn(200, 20_000, generator=draws))
    assert abs(overlaps(vectors, basis).mean() - 10 / 20_000) < 5e-5

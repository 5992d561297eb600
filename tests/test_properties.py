"""What holds for any input: vectors and parameters, overlaps, schedules, densities."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from normscope.curvature.subspaces import (
    inner_products,
    orthonormal_groups,
    squared_overlaps,
)
from normscope.networks.parameters import flatten, unflatten
from normscope.networks.schedules import doubling, piecewise_linear
from normscope.outputs.densities import kernel_densities

SEEDS = st.integers(0, 2**32)
RATES = st.floats(1e-4, 10)


@given(st.lists(st.lists(st.integers(1, 4), max_size=4), min_size=1, max_size=6))
def test_unflatten_is_the_inverse_of_flatten(shapes):
    tensors = {str(i): torch.randn(shape) for i, shape in enumerate(shapes)}
    vector = flatten(tensors.values())
    again = unflatten(vector, tensors)
    assert vector.shape == (sum(tensor.numel() for tensor in tensors.values()),)
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)


@given(SEEDS, st.integers(1, 3), st.integers(1, 4), st.integers(4, 40))
def test_overlaps_equal_the_lengths_of_least_squares_projections(
    seed, groups, rows, dimension
):
    rng = np.random.default_rng(seed)
    given_rows = [rng.normal(size=(rows, dimension)) for _ in range(groups)]
    vectors = rng.normal(size=(5, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    products = inner_products(
        torch.from_numpy(vectors), [*map(torch.from_numpy, given_rows)]
    )
    total = squared_overlaps(*products, torch.arange(groups * rows))
    spanned = np.concatenate(given_rows).T
    fitted = spanned @ np.linalg.lstsq(spanned, vectors.T, rcond=None)[0]
    np.testing.assert_allclose(total, (fitted**2).sum(axis=0), atol=1e-9)
    basis = np.concatenate(orthonormal_groups(given_rows))
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-6)
    assert len(basis) == min(groups * rows, dimension)


@given(RATES, st.floats(0.5, 5), st.integers(0, 30), st.floats(0, 1))
def test_doubling_doubles_and_is_straight_within_an_epoch(start, epochs, epoch, share):
    rate = doubling(start, epochs)
    assert rate(0) == pytest.approx(start)
    assert rate(epoch) == pytest.approx(start * 2 ** (epoch / epochs))
    between = (1 - share) * rate(epoch) + share * rate(epoch + 1)
    assert rate(epoch + share) == pytest.approx(between)


@given(
    st.lists(RATES, min_size=2, max_size=5), st.integers(0, 3), st.floats(0, 1), RATES
)
def test_a_schedule_is_straight_between_its_knots(rates, knot, share, length):
    epochs = [length * number for number in range(len(rates))]
    rate = piecewise_linear(epochs, rates)
    knot = min(knot, len(rates) - 2)
    at = (1 - share) * epochs[knot] + share * epochs[knot + 1]
    between = (1 - share) * rates[knot] + share * rates[knot + 1]
    assert rate(at) == pytest.approx(between, rel=1e-6)
    assert rate(-1) == rates[0]
    assert rate(epochs[-1] + 1) == rates[-1]


@given(SEEDS, st.integers(20, 400), st.floats(-50, 50), st.floats(0.01, 30))
def test_densities_equal_scipys_and_have_mass_one(seed, count, centre, scale):
    values = centre + scale * np.random.default_rng(seed).standard_t(4, (2, count))
    grid, density = (
        tensor.numpy() for tensor in kernel_densities(torch.tensor(values))
    )
    for row, channel in zip(density, values, strict=True):
        expected = gaussian_kde(channel)(grid)
        # Kernels of scipy's are never wider than ours: half a step of the grid.
        if channel.std(ddof=1) * count**-0.2 > 2 * (grid[1] - grid[0]):
            assert np.abs(row - expected).max() < 0.02 * expected.max()
        assert np.trapezoid(row, grid) == pytest.approx(1, abs=0.02)

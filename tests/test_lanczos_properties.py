"""The eigensolver on random symmetric matrices, against numpy's dense one."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_lanczos import Matrix, leading_of_numpy, with_spectrum

from normscope.curvature.lanczos import leading_eigenpairs, multiplicity

TOLERANCE = 1e-3
LEVELS = st.sampled_from([-4.0, -2.0, -1.0, 1.0, 2.0, 3.0, 5.0])


@st.composite
def spectra(draw):
    """Eigenvalues of a symmetric matrix: indefinite, clustered, repeated, low rank."""
    size = draw(st.integers(2, 60))
    kind = draw(st.sampled_from(["any", "clustered", "repeated", "low rank"]))
    uniform = st.floats(-1, 1).map(lambda value: round(value, 3))
    if kind == "any":
        return draw(st.lists(uniform, min_size=size, max_size=size))
    outliers = draw(st.lists(LEVELS, min_size=1, max_size=min(8, size)))
    if kind == "clustered":
        outliers = [value * (1 + 1e-5 * i) for i, value in enumerate(outliers)]
    rest = size - len(outliers)
    if kind == "low rank":
        return outliers + [0.0] * rest
    return outliers + [
        value / 2 for value in draw(st.lists(uniform, min_size=rest, max_size=rest))
    ]


@given(spectra(), st.integers(1, 10), st.integers(0, 2**32))
def test_every_leading_eigenvalue_of_numpys_is_found(spectrum, k, seed):
    rng = torch.Generator().manual_seed(seed)
    k = min(k, len(spectrum))
    matrix = with_spectrum(spectrum, rng)
    pairs = leading_eigenpairs(Matrix(matrix), k, TOLERANCE, rng)
    values, _ = leading_of_numpy(matrix, k)
    largest = np.abs(values).max()
    # To the tolerance in magnitude: of two eigenvalues as near, either may be the last.
    np.testing.assert_allclose(
        np.sort(pairs.eigenvalues.abs()),
        np.sort(np.abs(values)),
        rtol=2 * TOLERANCE,
        atol=1e-5 * largest,
    )
    vectors = pairs.eigenvectors.double()
    rests = vectors @ matrix.double() - pairs.eigenvalues[:, None] * vectors
    bound = TOLERANCE * pairs.eigenvalues.abs() + 1e-5 * largest
    assert (rests.norm(dim=1) <= bound).all()
    torch.testing.assert_close(
        vectors @ vectors.T, torch.eye(k).double(), atol=1e-5, rtol=0
    )


@given(st.integers(1, 6), st.integers(0, 2**32))
def test_every_copy_of_a_repeated_eigenvalue_is_found(copies, seed):
    rng = torch.Generator().manual_seed(seed)
    spectrum = [3.0] * copies + [2.0] * 2 + list(np.linspace(-1, 1, 190))
    matrix = with_spectrum(spectrum, rng)
    pairs = leading_eigenpairs(Matrix(matrix), copies + 2, 1e-3, rng)
    np.testing.assert_allclose(pairs.eigenvalues, spectrum[: copies + 2], rtol=1e-4)


def test_multiplicity_counts_the_most_frequent_above_the_smallest():
    counted = [([5, 5, 5, 3, 1], 3), ([-5, 5, 1], 1), ([2, 1, 1, 1], 1), ([1], 1)]
    for eigenvalues, expected in counted:
        assert multiplicity(torch.tensor(eigenvalues).double(), 1e-3) == expected

"""The eigensolver against dense decompositions."""

import numpy as np
import pytest
import torch
from conftest import KINDS
from test_hessian import dense_hessian

from normscope.curvature import lanczos
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.job import UserError
from normscope.resume import State


class Matrix:
    """A dense matrix as an operator."""

    def __init__(self, matrix):
        self.matrix, self.dimension, self.device = matrix, len(matrix), matrix.device

    def __call__(self, vector):
        return self.matrix @ vector


def with_spectrum(eigenvalues, rng, dtype=torch.float32):
    random = torch.randn(len(eigenvalues), len(eigenvalues), generator=rng).double()
    vectors = torch.linalg.qr(random)[0]
    values = torch.tensor(eigenvalues, dtype=torch.float64)
    return (vectors * values @ vectors.T).to(dtype)


def leading_of_numpy(matrix, k):
    values, vectors = np.linalg.eigh(matrix.double().numpy())
    chosen = np.argsort(-np.abs(values))[:k]
    chosen = chosen[np.argsort(-values[chosen])]
    return values[chosen], vectors[:, chosen].T


def true_residuals(matrix, pairs):
    vectors = pairs.eigenvectors.double()
    rests = vectors @ matrix.double() - pairs.eigenvalues[:, None] * vectors
    return (rests.norm(dim=1) / pairs.eigenvalues.abs()).numpy()


@pytest.mark.parametrize("k", [1, 5, 10])
def test_pairs_of_an_indefinite_matrix_equal_numpys(k, rng):
    spectrum = [9, -8.5, 7, 6.5, -6, 5, 4, -3.5, 3, 2.5, *np.linspace(-1, 1, 190)]
    matrix = with_spectrum(spectrum, rng)
    pairs = leading_eigenpairs(Matrix(matrix), k, 1e-4, rng)
    values, vectors = leading_of_numpy(matrix, k)
    np.testing.assert_allclose(pairs.eigenvalues, values, rtol=1e-5)
    cosines = np.abs((pairs.eigenvectors.double().numpy() * vectors).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-6)
    assert pairs.matvecs < 100
    assert list(pairs.eigenvalues) == sorted(pairs.eigenvalues, reverse=True)


def test_stored_residuals_are_the_true_ones(rng):
    matrix = with_spectrum(
        np.r_[np.geomspace(10, 1, 12), np.linspace(-0.5, 0.5, 188)], rng
    )
    pairs = leading_eigenpairs(Matrix(matrix), 8, 1e-3, rng)
    residuals = true_residuals(matrix, pairs)
    assert (residuals <= 1e-3).all()
    np.testing.assert_allclose(pairs.residual_norms, residuals, atol=2e-5)


def test_eigenvectors_are_orthonormal_and_signed(rng):
    matrix = with_spectrum(np.r_[5, 4.999, 4.998, np.linspace(-1, 1, 97)], rng)
    vectors = leading_eigenpairs(Matrix(matrix), 3, 1e-5, rng).eigenvectors
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(3), atol=2e-6, rtol=0)
    assert (vectors.gather(1, vectors.abs().argmax(1, keepdim=True)) > 0).all()


def test_a_low_rank_matrix_gives_its_pairs_and_then_zeros(rng):
    """The Krylov space closes after three products; new directions carry on."""
    matrix = with_spectrum([3.0, 2.0, -1.0] + [0.0] * 37, rng)
    pairs = leading_eigenpairs(Matrix(matrix), 5, 1e-4, rng)
    np.testing.assert_allclose(
        pairs.eigenvalues.sort(descending=True)[0], [3, 2, 0, 0, -1], atol=1e-5
    )
    assert pairs.matvecs < 20


def test_all_pairs_of_a_small_matrix(rng):
    matrix = with_spectrum([4.0, 1.0, 1.0, 1.0, -2.0], rng)
    pairs = leading_eigenpairs(Matrix(matrix), 5, 1e-4, rng)
    np.testing.assert_allclose(pairs.eigenvalues, [4, 1, 1, 1, -2], rtol=1e-5)


@pytest.mark.parametrize("k", [1, 4, 7])
def test_a_basis_that_is_full_is_compressed_and_nothing_is_lost(k, rng, monkeypatch):
    monkeypatch.setattr(lanczos, "LARGEST_BASIS", 2)
    matrix = with_spectrum(np.r_[np.linspace(2, 1, 10), np.linspace(-1, 1, 290)], rng)
    pairs = leading_eigenpairs(Matrix(matrix), k, 1e-4, rng)
    assert pairs.matvecs > 2 * k + 10
    values, vectors = leading_of_numpy(matrix, k)
    np.testing.assert_allclose(pairs.eigenvalues, values, rtol=1e-4)
    cosines = np.abs((pairs.eigenvectors.double().numpy() * vectors).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-4)
    residuals = true_residuals(matrix, pairs)
    np.testing.assert_allclose(pairs.residual_norms, residuals, atol=2e-5)


def test_one_start_shows_one_of_a_repeated_eigenvalue_and_two_show_both(rng):
    matrix = with_spectrum([3, 3, 2, *np.linspace(-1, 1, 197)], rng)
    one = leading_eigenpairs(Matrix(matrix), 2, 1e-3, rng, starts=1)
    two = leading_eigenpairs(Matrix(matrix), 2, 1e-3, rng)
    np.testing.assert_allclose(one.eigenvalues, [3, 2], rtol=1e-4)
    np.testing.assert_allclose(two.eigenvalues, [3, 3], rtol=1e-4)


def test_an_operator_of_any_scale(rng):
    for scale in (1e-8, 1e8):
        matrix = scale * with_spectrum([3, 2, *np.linspace(-1, 1, 78)], rng)
        pairs = leading_eigenpairs(Matrix(matrix), 2, 1e-4, rng)
        np.testing.assert_allclose(pairs.eigenvalues / scale, [3, 2], rtol=1e-5)


def test_more_pairs_than_dimensions_are_refused(rng):
    with pytest.raises(ValueError, match="6 eigenpairs of a matrix of 5 rows"):
        leading_eigenpairs(Matrix(torch.eye(5)), 6, 1e-4, rng)


def test_a_product_that_is_not_finite_is_refused(rng):
    with pytest.raises(UserError, match="not finite"):
        leading_eigenpairs(Matrix(torch.full((5, 5), torch.nan)), 2, 1e-4, rng)


def test_the_same_draws_give_the_same_bits():
    matrix = with_spectrum(np.linspace(-1, 3, 60), torch.Generator().manual_seed(1))
    first, second = (
        leading_eigenpairs(Matrix(matrix), 4, 1e-3, torch.Generator().manual_seed(2))
        for _ in range(2)
    )
    assert torch.equal(first.eigenvectors, second.eigenvectors)
    assert torch.equal(first.residual_norms, second.residual_norms)


@pytest.mark.parametrize("products", [1, 3, 17])
def test_a_killed_solver_goes_on_with_the_same_bits(
    products, state, tmp_path, monkeypatch
):
    monkeypatch.setattr(lanczos, "SAVE_SECONDS", 0)
    monkeypatch.setattr(lanczos, "LARGEST_BASIS", 2)
    matrix = with_spectrum(np.linspace(-1, 3, 90), torch.Generator().manual_seed(1))

    class Killed(Matrix):
        left = products

        def __call__(self, vector):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return super().__call__(vector)

    def solve(operator, state):
        rng = torch.Generator().manual_seed(2)
        return leading_eigenpairs(operator, 4, 1e-3, rng, state=state)

    undisturbed = solve(Matrix(matrix), State(tmp_path / "other.partial", "other"))
    with pytest.raises(KeyboardInterrupt):
        solve(Killed(matrix), state)
    operator = Killed(matrix)
    operator.left = undisturbed.matvecs - products
    resumed = solve(operator, state)
    assert resumed.matvecs == undisturbed.matvecs
    assert torch.equal(resumed.eigenvalues, undisturbed.eigenvalues)
    assert torch.equal(resumed.eigenvectors, undisturbed.eigenvectors)
    assert torch.equal(resumed.residual_norms, undisturbed.residual_norms)


@pytest.mark.parametrize("kind", ["active batch norm", "frozen batch norm", "no norm"])
def test_pairs_of_a_network_equal_those_of_its_dense_hessian(
    kind, tiny, batches, loss, rng
):
    network, data = tiny(**KINDS[kind]), batches()
    values, vectors = leading_of_numpy(dense_hessian(network, loss, data), 6)
    network.float()
    data = [(images.float(), labels) for images, labels in data]
    pairs = leading_eigenpairs(Hessian(network, loss, data, 1.0), 6, 1e-4, rng)
    np.testing.assert_allclose(pairs.eigenvalues, values, rtol=1e-3)
    cosines = np.abs((pairs.eigenvectors.double().numpy() * vectors).sum(axis=1))
    assert cosines.min() > 0.999

"""Densities and traces of spectra against those of dense matrices."""

from statistics import mean

import pytest
import torch
from test_lanczos import Matrix, with_spectrum

from normscope.curvature.quadrature import Rest, mean_and_error, whole

STARTS = 12


def moments(nodes, weights, dimension):
    """Estimates of tr A^k, k = 1 to 4, from each start."""
    powers = torch.stack([nodes**k for k in range(1, 5)])
    return dimension * (weights * powers).sum(-1)


def estimated(matrix, known, rng, steps=10):
    """Nodes and weights of the whole, the eigenvectors of the largest being known."""
    values, vectors = torch.linalg.eigh(matrix.double())
    values, vectors = values.flip(0)[:known], vectors.T.flip(0)[:known]
    rest = Rest(Matrix(matrix), vectors.float())
    found = [rest.quadrature(steps, rng) for _ in range(STARTS)]
    nodes, weights = (torch.stack(part) for part in zip(*found, strict=True))
    return whole(nodes, weights, values, len(matrix))


@pytest.mark.parametrize("known", [0, 5])
def test_moments_are_those_of_the_matrix(known, rng):
    """An indefinite bulk and five outliers; each within three standard errors."""
    bulk = torch.linspace(-0.3, 1, 195).tolist()
    matrix = with_spectrum([40.0, 30.0, 20.0, 15.0, 10.0, *bulk], rng)
    found = moments(*estimated(matrix, known, rng), len(matrix))
    power = torch.eye(len(matrix), dtype=torch.float64)
    for estimates in found:
        power = power @ matrix.double()
        middle, error = mean_and_error(estimates)
        assert abs(middle - power.trace()) < 3 * error + 1e-5 * power.trace()
    if known:  # the outliers are exact, so that hardly anything is estimated
        assert mean_and_error(found[3])[1] < 1e-5 * power.trace()
    else:
        assert mean_and_error(found[3])[1] > 0.05 * power.trace()


def test_as_many_steps_as_dimensions_give_the_spectrum_itself(rng):
    values = [-2.0, -0.5, 0.0, 0.25, 1.0, 3.0]
    rest = Rest(Matrix(with_spectrum(values, rng)), torch.empty(0, 6))
    nodes, weights = rest.quadrature(60, rng)
    torch.testing.assert_close(
        nodes, torch.tensor(values, dtype=torch.float64), atol=1e-5, rtol=0
    )
    assert weights.sum().item() == pytest.approx(1)


def test_weights_of_a_whole_spectrum_count_its_eigenvalues(rng):
    """Half of them are at -1, a quarter each at 1 and 2, one of these is known."""
    values = [2.0] * 50 + [1.0] * 50 + [-1.0] * 100
    nodes, weights = estimated(with_spectrum(values, rng), 1, rng, steps=3)
    assert torch.allclose(weights.sum(1), torch.ones(STARTS).double())
    below = (weights * (nodes < 0)).sum(1)
    assert below.mean().item() == pytest.approx(0.5, abs=3 * mean_and_error(below)[1])


def test_the_trace_is_that_of_the_matrix_off_what_is_known(rng):
    matrix = with_spectrum([50.0, *torch.linspace(-1, 2, 99).tolist()], rng)
    leading = torch.linalg.eigh(matrix)[1][:, -1:].T
    samples = {}
    for name, known in (("whole", leading[:0]), ("rest", leading)):
        rest = Rest(Matrix(matrix), known)
        samples[name] = torch.tensor(
            [rest.trace_sample(rng) for _ in range(60)], dtype=torch.float64
        )
    middle, error = mean_and_error(samples["rest"])
    assert abs(middle - (matrix.trace().item() - 50)) < 3 * error
    assert error < 0.5 * mean_and_error(samples["whole"])[1]
    assert mean(samples["whole"].tolist()) != middle

"""Where descent breaks, against closed forms in float64."""

from functools import partial
from math import inf

import numpy as np
import pytest
import torch
from path_files import csv
from torch.autograd.functional import hessian

from normscope.curvature import breaking
from normscope.curvature.breaking import descend, lowest_rate, outcome
from normscope.curvature.subspaces import orthonormal
from normscope.results import breaking as results
from normscope.results.runs import Missing, Network

MOMENTUM, STEPS = 0.9, 30
LIMIT = 2 * (1 + MOMENTUM) / (1 + 2 * MOMENTUM)


def slope_of(loss):
    """Loss and gradient of a function of a vector."""

    def slope(parameters, step):
        point = parameters.clone().requires_grad_()
        value = loss(point)
        (gradient,) = torch.autograd.grad(value, point)
        return value.item(), gradient

    return slope


CURVATURES = torch.tensor([5.0, 2.0, 0.3], dtype=torch.float64)


START = torch.full((3,), 0.05, dtype=torch.float64)


def parabola(x):
    """With a floor, so that most of the loss cannot fall."""
    return 0.2 + (CURVATURES * x**2).sum() / 2


MAP = torch.tensor([[1.0, 0.4], [0.1, -0.7]], dtype=torch.float64)
INPUTS = torch.tensor([[1.0, 0.2], [-0.3, 0.8], [0.5, -1.0]], dtype=torch.float64)


def two_layers(x):
    """Squared error of a linear net of 3 x 2 and 2 x 3 weights on fixed inputs."""
    first, last = x[:6].view(3, 2), x[6:].view(2, 3)
    return (INPUTS @ (first.T @ last.T - MAP)).square().sum() / 2


def minimum():
    """Near weights at which the two layers are the map, by 1e-4."""
    rng = torch.Generator().manual_seed(1)
    first = torch.randn(3, 2, generator=rng, dtype=torch.float64)
    last = (torch.linalg.pinv(first.T) @ MAP).T
    noise = torch.randn(12, generator=rng, dtype=torch.float64)
    return torch.cat([first.flatten(), last.flatten()]) + 1e-4 * noise


def found(loss, start, span=breaking.no_span, renewal=None, what="rises"):
    """The lowest rate, bisected to 0.5 %, and the limit from the dense Hessian."""
    matrix = hessian(loss, start)
    rows = orthonormal(span(start))
    off = torch.eye(len(start), dtype=start.dtype) - rows.T @ rows
    predicted = LIMIT / torch.linalg.eigvalsh(off @ matrix @ off).max().item()

    def happens(rate):
        losses = descend(start, slope_of(loss), rate, MOMENTUM, STEPS, span, renewal)
        return getattr(outcome(losses), what)

    return lowest_rate(happens, predicted), predicted


@pytest.fixture(autouse=True)
def finer(monkeypatch):
    monkeypatch.setattr(breaking, "WIDTH", 1.005)


@pytest.mark.parametrize("what", ["rises", "breaks"])
def test_a_parabola_breaks_at_the_limit(what):
    rate, predicted = found(parabola, START, what=what)
    assert predicted == pytest.approx(LIMIT / 5)
    assert rate == pytest.approx(predicted, rel=0.02)


def test_where_all_of_the_loss_can_fall_the_first_step_alone_is_a_rise():
    """x goes to 1 - (1 + mu) rate lambda, which is below -sqrt(1.1) from there on."""
    start = torch.ones(1, dtype=torch.float64)
    rate, predicted = found(lambda x: (5 * x**2).sum() / 2, start)
    assert rate == pytest.approx((1 + 1.1**0.5) / (1 + MOMENTUM) / 5, rel=0.02)
    assert rate < 0.85 * predicted


def test_without_its_steepest_direction_it_breaks_where_the_next_one_does():
    first = torch.eye(3, dtype=torch.float64)[:1]
    rate, predicted = found(parabola, START, lambda x: 7 * first)
    assert predicted == pytest.approx(LIMIT / 2)
    assert rate == pytest.approx(predicted, rel=0.02)


def test_two_linear_layers_break_at_the_limit():
    rate, predicted = found(two_layers, minimum())
    assert rate == pytest.approx(predicted, rel=0.02)


def test_two_linear_layers_without_a_span_break_at_the_limit_of_the_rest():
    start = minimum()
    top = torch.linalg.eigh(hessian(two_layers, start))[1][:, -1:].T
    whole, _ = found(two_layers, start)
    for renewal in (None, 10):
        rate, predicted = found(two_layers, start, lambda x: top, renewal)
        assert rate == pytest.approx(predicted, rel=0.02)
        assert rate > 1.05 * whole


def test_the_steps_are_those_of_torchs_sgd():
    start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    x = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.SGD([x], 0.11, momentum=MOMENTUM, nesterov=True)
    expected = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = parabola(x) + x.sin().sum()
        expected.append(loss.item())
        loss.backward()
        optimiser.step()
    losses = descend(
        start, slope_of(lambda x: parabola(x) + x.sin().sum()), 0.11, MOMENTUM, 7
    )
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("renewal", "asked"), [(None, [0]), (3, [0, 3, 6]), (4, [0, 4])]
)
def test_the_span_is_renewed_after_so_many_steps(renewal, asked):
    places, start = [], torch.ones(3, dtype=torch.float64)
    visited = []

    def slope(x, step):
        visited.append(x)
        return slope_of(parabola)(x, step)

    def span(x):
        places.append(next(i for i, each in enumerate(visited) if each is x))
        return x[None]

    descend(start, slope, 0.01, MOMENTUM, 7, span, renewal)
    assert places == asked


@pytest.mark.parametrize(
    ("losses", "rises", "breaks"),
    [
        ([1.0, 0.9, 1.09], False, False),
        ([1.0, 1.2, 1.0], True, False),
        ([1.0, 0.5, 1.11], True, True),
        ([1.0, inf], True, True),
    ],
)
def test_what_came_of_a_descent(losses, rises, breaks):
    assert outcome(losses) == breaking.Outcome(rises, breaks)


def test_what_is_not_finite_ends_a_descent():
    start = torch.ones(3, dtype=torch.float64)
    slope = slope_of(parabola)
    assert descend(start, slope, 1e200, MOMENTUM, STEPS)[-1] == inf
    assert len(descend(start, slope, 1e200, MOMENTUM, STEPS)) < 5
    broken = descend(start, slope, 0.1, MOMENTUM, STEPS, lambda x: x[None] * torch.nan)
    assert broken == [parabola(start).item(), inf]


@pytest.mark.parametrize("edge", [1e-3, 0.01, 0.1, 1.0, 3.3, 50])
def test_the_lowest_rate_is_found_wherever_it_is(edge):
    assert lowest_rate(lambda rate: rate >= edge, 1.0) == pytest.approx(edge, rel=0.005)


def test_an_island_of_low_rates_is_not_jumped_over():
    """It happens from 0.2 to 0.3, and from 2 on."""
    rate = lowest_rate(lambda rate: 0.2 <= rate <= 0.3 or rate >= 2, 1.0)
    assert rate == pytest.approx(0.2, rel=0.005)


def test_what_never_and_what_always_happens():
    assert lowest_rate(lambda rate: False, 1.0) == inf
    assert lowest_rate(lambda rate: True, 1.0) == 0.0


def test_dependent_rows_count_once():
    rows = torch.tensor([[3.0, 0, 0], [1, 0, 0], [1, 2, 0]], dtype=torch.float64)
    found = orthonormal(rows)
    assert found.shape == (2, 3)
    torch.testing.assert_close(found @ found.T, torch.eye(2, dtype=torch.float64))


def test_without_a_predicted_rate_its_ratios_are_missing(tmp_path):
    parts = ("none", "none_small_batches", "all_fixed")
    rows = [
        {"removed": part, "lambda_1": -1, "predicted": None, "onset": 2, "breaking": 3}
        for part in parts
    ]
    csv(tmp_path, "stability.csv", rows)
    network = Network(tmp_path)
    assert results.onset(network) == 2
    for ratio in (
        results.onset_to_predicted,
        results.onset_with_small_batches_to_predicted,
        results.breaking_to_predicted,
        partial(results.gain_to_predicted, removed="all"),
    ):
        with pytest.raises(Missing, match="above 0"):
            ratio(network)

"""Kernel densities against scipy's, and in time."""

from time import process_time

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde

from normscope.outputs.channels import channel_densities
from normscope.outputs.densities import POINTS, kernel_densities


@pytest.mark.parametrize("count", [50, 4000])
def test_densities_are_those_of_scipy(rng, count):
    values = torch.randn(6, count, generator=rng)
    values[1] = values[1].exp()
    values[2] = values[2].relu()
    values[3] = 0.2 * values[3] + 3
    values[4, : count // 2] += 8
    values[5] = 0.1 * values[5] - 2
    grid, densities = kernel_densities(values)
    for row, density in zip(values.double().numpy(), densities.numpy(), strict=True):
        expected = gaussian_kde(row)(grid.double().numpy())
        np.testing.assert_allclose(density, expected, atol=0.01 * expected.max())


def test_a_density_integrates_to_one(rng):
    grid, densities = kernel_densities(torch.rand(3, 1000, generator=rng))
    integral = torch.trapezoid(densities, grid)
    torch.testing.assert_close(integral, torch.ones(3), atol=2e-3, rtol=0)


def test_a_constant_channel_is_a_spike_where_it_is():
    grid, densities = kernel_densities(torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 4.0]]))
    assert grid[densities[0].argmax()].abs() < 0.02
    assert densities[0].max() > 20
    _, both = kernel_densities(torch.zeros(2, 5))
    assert both.isfinite().all()


def test_ten_channels_take_less_time_than_scipy_for_an_eighth_of_one(rng):
    outputs = torch.randn(512, 10, 32, 32, generator=rng)
    some, grid = outputs[:64, 0].flatten().numpy(), np.linspace(-5, 5, POINTS)

    def seconds(function, *arguments):
        start = process_time()
        function(*arguments)
        return process_time() - start

    ours = min(seconds(channel_densities, outputs) for _ in range(3))
    assert ours < seconds(gaussian_kde(some), grid)

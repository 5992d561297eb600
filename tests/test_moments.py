"""Moments and their gradients against scipy and finite differences."""

import numpy as np
import pytest
import scipy.stats
import torch
from conftest import KINDS
from torch.func import functional_call

from normscope.networks.parameters import detached, flatten, unflatten
from normscope.outputs.moments import moment_gradients, moments


def test_moments_equal_scipys(rng):
    outputs = torch.randn(50, 4, generator=rng, dtype=torch.float64) ** 3
    mean, variance, third = moments(outputs)
    values = outputs.numpy()
    np.testing.assert_allclose(mean, values.mean(axis=0))
    np.testing.assert_allclose(variance, values.var(axis=0, ddof=1))
    np.testing.assert_allclose(third, scipy.stats.moment(values, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_finite_differences(kind, tiny, batches, rng):
    network, data = tiny(**KINDS[kind]), batches()
    gradients = moment_gradients(network, data)
    parameters = detached(network)
    point = flatten(parameters.values())
    assert gradients.shape == (3, 3, len(point))

    def averaged(vector):
        named = unflatten(vector, parameters)
        return sum(moments(functional_call(network, named, x)) for x, _ in data) / 2

    step = 1e-6
    direction = torch.randn(len(point), generator=rng, dtype=torch.float64)
    with torch.no_grad():
        difference = averaged(point + step * direction) - averaged(
            point - step * direction
        )
    torch.testing.assert_close(
        gradients @ direction, difference / (2 * step), rtol=1e-5, atol=1e-9
    )

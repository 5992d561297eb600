"""Blocks of layers, and residuals in float64, against dense matrices."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from conftest import KINDS
from test_hessian import dense_hessian
from test_lanczos import Matrix
from torch import nn

from normscope.curvature.blocks import Block, places_of_layers
from normscope.curvature.decomposition import fresh_residuals
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.curvature.true_residuals import true_residuals


def test_a_block_has_the_rows_and_columns_of_its_places(rng):
    matrix = torch.randn(9, 9, generator=rng)
    block = Block(Matrix(matrix), [slice(1, 3), slice(6, 9)])
    rows = torch.stack([block(unit) for unit in torch.eye(5)], 1)
    places = [1, 2, 6, 7, 8]
    torch.testing.assert_close(rows, matrix[places][:, places])


def test_a_layers_places_are_all_of_its_parameters():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2))
            self.conv, self.norm = nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)
            self.again = self.conv

        def forward(self, x):
            return self.scale[:, None, None] * self.norm(self.conv(x))

    assert places_of_layers(Own()) == {
        "scale": [slice(0, 2)],
        "conv": [slice(2, 8), slice(8, 10)],
        "norm": [slice(10, 12), slice(12, 14)],
    }


@pytest.mark.parametrize("kind", ["no norm", "active batch norm", "layer norm"])
def test_largest_eigenvalues_of_blocks_are_those_of_the_dense_hessian(
    kind, tiny, batches, loss, rng
):
    network, data = tiny(**KINDS[kind]), batches(count=1)
    dense = dense_hessian(network, loss, data)
    places = places_of_layers(network)
    assert sum(p.stop - p.start for each in places.values() for p in each) == len(dense)
    hessian = Hessian(network, loss, data, 1.0)

    class InDouble:
        dimension, device = hessian.dimension, hessian.device

        def __call__(self, vector):
            return hessian(vector.double()).float()

    for each in places.values():
        (place,) = each
        pairs = leading_eigenpairs(Block(InDouble(), each), 1, 1e-5, rng)
        values = torch.linalg.eigvalsh(dense[place, place])
        largest = values[values.abs().argmax()]
        torch.testing.assert_close(pairs.eigenvalues[0], largest, rtol=1e-3, atol=1e-7)


def test_residuals_in_float64_are_those_of_the_dense_hessian(tiny, batches, loss, rng):
    network, data = tiny(norm="batch").float(), batches()
    data = [(images.float(), labels) for images, labels in data]
    hessian = Hessian(network, loss, data, 1.0)
    dense = dense_hessian(
        deepcopy(network).double(),
        loss,
        [(images.double(), labels) for images, labels in data],
    )
    values, vectors = torch.linalg.eigh(dense)
    values, vectors = values[-3:].flip(0), vectors.T[-3:].flip(0)
    wrong = vectors + 1e-3 * torch.randn(vectors.shape, generator=rng)
    expected = (wrong.float().double() @ dense - values[:, None] * wrong.float()).norm(
        dim=1
    )
    found = true_residuals(hessian, values, wrong.float(), 1.0)
    torch.testing.assert_close(found, expected / values.abs(), rtol=1e-6, atol=1e-12)
    assert next(network.parameters()).dtype == torch.float32


def test_residuals_in_float64_are_on_the_same_side_of_softpluss_jump(
    tiny, batches, loss, rng
):
    """Images scaled so that an input is at the jump, and float32 takes it across."""
    network, (batch,) = tiny(norm="none").float(), batches(1)
    finer = deepcopy(network).double()

    @torch.no_grad()
    def inputs_of(network, images):
        return network.prep_conv(network.input_scale(images))

    def crossed(images):
        rounded = inputs_of(network, images.float())
        exact = inputs_of(finer, images.float().double())
        return ((rounded * 10 > 2.5) != (exact * 10 > 2.5)).any()

    inputs = inputs_of(finer, batch[0].double()).flatten()
    for scale in 0.25 / inputs[inputs > 0.2]:
        images = (batch[0].double() * scale).float()
        if not crossed(images):
            continue
        hessian = Hessian(network, loss, [(images, batch[1])], 1.0)
        pairs = leading_eigenpairs(hessian, 3, 1e-5, rng)
        plain = Hessian(deepcopy(finer), loss, [(images.double(), batch[1])], 1.0)
        exact = replace(pairs, eigenvectors=pairs.eigenvectors.double())
        if fresh_residuals(plain, exact).max() > 1e-4:
            break
    else:
        pytest.fail("no input that was taken across has any weight")
    found = true_residuals(hessian, pairs.eigenvalues, pairs.eigenvectors, 1.0)
    assert found.max() < 2e-5

"""Transformed convolutions against plain ones, and their adjoints, in float64."""

import pytest
import torch
import torch.nn.functional as F
from conftest import KINDS
from test_hessian import dense_hessian

from normscope.curvature import convolution_rules, winograd, winograd_tiles
from normscope.curvature.convolution_rules import (
    Convolution,
    Geometry,
    WinogradConvolution,
    convolution,
)
from normscope.curvature.hessian import Hessian
from normscope.curvature.rules import Point

SHAPES = [(1, 1, 1, 4, 4), (3, 2, 5, 4, 8), (2, 3, 4, 16, 12)]  # N, I, O, H, W


def images(shape, rng):
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(
        memory_format=torch.channels_last
    )


def adjoint_of_inputs(terms):
    return winograd_tiles.of_inputs_adjoint(terms, 12, 8)


def outputs(terms):
    return winograd_tiles.of_outputs(terms, 12, 8)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_transformed_convolution_equals_a_plain_one(shape, rng):
    number, inputs, outputs, height, width = shape
    x = images((number, inputs, height, width), rng)
    w = images((outputs, inputs, 3, 3), rng)
    terms = winograd_tiles.of_inputs(x) @ winograd_tiles.of_weights(w).mT
    y = winograd_tiles.of_outputs(terms, height, width)
    torch.testing.assert_close(y, F.conv2d(x, w, padding=1))


@pytest.mark.parametrize(
    ("transform", "adjoint", "shape"),
    [
        (winograd.of_inputs, winograd.of_inputs_adjoint, (2, 3, 12, 5)),
        (winograd.of_outputs_adjoint, winograd.of_outputs, (2, 3, 12, 5)),
        (winograd_tiles.of_weights, winograd_tiles.of_weights_adjoint, (4, 2, 3, 3)),
        (winograd_tiles.of_inputs, adjoint_of_inputs, (2, 3, 12, 8)),
        (winograd_tiles.of_outputs_adjoint, outputs, (2, 3, 12, 8)),
    ],
)
def test_adjoints_are_transposes(transform, adjoint, shape, rng):
    u = images(shape, rng)
    transformed = transform(u)
    v = torch.randn(transformed.shape, generator=rng, dtype=torch.float64)
    torch.testing.assert_close((transformed * v).sum(), (u * adjoint(v)).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_products_by_transformed_convolutions_equal_the_dense_hessians(
    kind, tiny, batches, loss, rng, monkeypatch
):
    monkeypatch.setattr(convolution_rules, "LEAST_CHANNELS", 1)
    monkeypatch.setattr(convolution_rules, "LEAST_PRODUCTS", 1)
    network, data = tiny(**KINDS[kind]), batches()
    hessian = Hessian(network, loss, data, 1.0)
    steps = hessian.kept[0].steps
    assert any(isinstance(step.rule, WinogradConvolution) for step in steps)
    vectors = torch.randn(3, hessian.dimension, generator=rng, dtype=torch.float64)
    products = torch.stack([hessian(vector) for vector in vectors])
    expected = vectors @ dense_hessian(network, loss, data)
    torch.testing.assert_close(products, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("shape", "outputs", "kernel", "reused", "transformed"),
    [
        ((64, 32, 16, 16), 128, 3, True, True),
        ((64, 32, 16, 16), 128, 3, False, False),  # one product does not pay for it
        ((8, 32, 8, 8), 64, 3, True, False),
        ((64, 32, 16, 16), 128, 1, True, False),
        ((64, 8, 32, 32), 128, 3, True, False),
        ((256, 64, 6, 16), 64, 3, True, False),  # tiles have four rows
        ((256, 64, 16, 6), 64, 3, True, False),
    ],
)
def test_convolutions_are_transformed_where_that_gains(
    shape, outputs, kernel, reused, transformed
):
    weight = torch.zeros(outputs, shape[1], kernel, kernel)
    x, g = torch.zeros(shape), torch.zeros(shape[0], outputs, *shape[2:])
    at = Point(frozenset({"input", "weight"}), frozenset({"input"}), g, reused)
    rule = convolution(at, x, weight, padding=kernel // 2)
    assert isinstance(rule, WinogradConvolution) == transformed


def test_float32_loses_no_accuracy_that_counts(rng):
    x, g = (images((4, 64, 8, 8), rng).float() for _ in range(2))
    weight = images((64, 64, 3, 3), rng).float() / 24
    at = Point(frozenset({"input", "weight"}), frozenset({"input"}), g, True)
    same = Geometry([1, 1], [1, 1], [1, 1], 1)
    dx, dw = images(x.shape, rng).float(), images((64, 64, 3, 3), rng).float()

    def through(rule):
        dy, kept = rule.forward({"input": dx, "weight": dw})
        return dy, *rule.backward(kept, g).values()

    expected = through(Convolution(at, x, weight, same))
    transformed = through(WinogradConvolution(at, x, weight, same))
    for one, other in zip(expected, transformed, strict=True):
        assert (one - other).norm() < 1e-5 * one.norm()

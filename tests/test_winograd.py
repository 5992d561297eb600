"""Transformed convolutions against plain ones, and their adjoints, in float64."""

import pytest
import torch
import torch.nn.functional as F
from conftest import KINDS
from test_hessian import dense_hessian

from normscope import tangents, winograd
from normscope.hessian import Hessian
from normscope.tangents import WinogradConvolution

SHAPES = [(1, 1, 1, 4, 1), (3, 2, 5, 4, 4), (2, 3, 4, 16, 7)]  # N, I, O, H, W


def images(shape, draws):
    return torch.randn(shape, generator=draws, dtype=torch.float64).to(
        memory_format=torch.channels_last
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_transformed_convolution_equals_a_plain_one(shape, draws):
    number, inputs, outputs, height, width = shape
    x = images((number, inputs, height, width), draws)
    w = images((outputs, inputs, 3, 3), draws)
    terms = zip(winograd.of_inputs(x), winograd.of_weights(w), strict=True)
    six = torch.stack([F.conv2d(a, b, padding=(0, 1)) for a, b in terms])
    torch.testing.assert_close(winograd.of_outputs(six), F.conv2d(x, w, padding=1))


@pytest.mark.parametrize(
    ("transform", "adjoint", "shape"),
    [
        (winograd.of_inputs, winograd.of_inputs_adjoint, (2, 3, 12, 5)),
        (winograd.of_outputs_adjoint, winograd.of_outputs, (2, 3, 12, 5)),
        (winograd.of_weights, winograd.of_weights_adjoint, (4, 2, 3, 3)),
    ],
)
def test_adjoints_are_transposes(transform, adjoint, shape, draws):
    u = images(shape, draws)
    transformed = transform(u)
    v = torch.randn(transformed.shape, generator=draws, dtype=torch.float64)
    torch.testing.assert_close((transformed * v).sum(), (u * adjoint(v)).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_products_by_transformed_convolutions_equal_the_dense_hessians(
    kind, tiny, batches, loss, draws, monkeypatch
):
    monkeypatch.setattr(tangents, "WIDE", 1)
    network, data = tiny(**KINDS[kind]), batches()
    hessian = Hessian(network, loss, data, 1.0)
    rules = hessian.kept[0].rules.values()
    assert any(isinstance(rule, WinogradConvolution) for rule in rules)
    vectors = torch.randn(3, hessian.dimension, generator=draws, dtype=torch.float64)
    products = torch.stack([hessian(vector) for vector in vectors])
    expected = vectors @ dense_hessian(network, loss, data)
    torch.testing.assert_close(products, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("height", "channels"), [(6, 64), (16, 16)])
def test_images_that_do_not_fit_and_narrow_layers_are_not_transformed(height, channels):
    layer = torch.nn.Conv2d(channels, 8, 3, padding=1, bias=False)
    x = torch.zeros(1, channels, height, 4)
    assert tangents._rule(layer, x) is tangents.Convolution


def test_float32_loses_no_accuracy_that_counts(draws):
    x, g = (images((4, 64, 8, 8), draws).float() for _ in range(2))
    layer = torch.nn.Conv2d(64, 64, 3, padding=1, bias=False)
    rules = [rule(layer, x, g) for rule in (tangents.Convolution, WinogradConvolution)]
    dx, dw = images(x.shape, draws).float(), images((64, 64, 3, 3), draws).float()
    plain, transformed = (
        (rule.forward(dx, dw), *rule.backward(dx, g.clone(), dw)) for rule in rules
    )
    for one, other in zip(plain, transformed, strict=True):
        assert (one - other).norm() < 1e-5 * one.norm()

"""Hessian products through every kind of function against double backward's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_networks import BY_AUTOGRAD, BY_RULES, WIDTH, around
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from normscope.curvature import linear_rules
from normscope.curvature.autograd_rule import ByAutograd
from normscope.curvature.hessian import Hessian
from normscope.curvature.linearised_gradient import LinearisedGradient
from normscope.networks.parameters import flatten

KINDS = BY_RULES | BY_AUTOGRAD


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def data():
    images = torch.randn(5, 3, 8, 8, dtype=torch.float64)
    return images, torch.randint(3, (5,))


def cross_entropy(logits, labels):
    return nn.functional.cross_entropy(logits, labels)


def double_backward(network, images, labels, direction):
    """H v, by autograd alone."""
    weights = list(network.parameters())
    with sdpa_kernel(SDPBackend.MATH):
        loss = cross_entropy(network(images), labels)
        gradient = torch.autograd.grad(
            loss, weights, create_graph=True, materialize_grads=True
        )
        slope = flatten(gradient) @ direction
        return flatten(torch.autograd.grad(slope, weights, materialize_grads=True))


def error(network, images, labels):
    """Of a product, relative to that of double backward."""
    hessian = Hessian(network, cross_entropy, [(images, labels)], 1.0)
    vector = torch.randn(hessian.dimension, dtype=torch.float64)
    expected = double_backward(network, images, labels, vector)
    return ((hessian(vector) - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("kind", KINDS)
def test_products_equal_those_of_double_backward(kind):
    assert error(around(KINDS[kind]()), *data()) < 1e-9

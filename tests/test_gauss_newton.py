"""The Gauss-Newton operator against Jacobians made row by row, in float64."""

import pytest
import torch
from conftest import KINDS
from small_networks import BY_AUTOGRAD, BY_RULES, around
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from normscope.curvature import convolution_rules, first_order
from normscope.curvature.gauss_newton import GaussNewton
from normscope.curvature.hessian import Hessian
from normscope.networks.parameters import flatten, trainable

NETS = KINDS | {
    "residual": {"norm": "batch", "shortcuts": True},
    "affine": {"norm": "batch", "affine": "both"},
    "frozen affine": {"norm": "batch", "affine": "both", "frozen": True},
    "instance norm": {"norm": "instance"},
    "weight standardised": {"norm": "weight_standardised"},
}


def distances(logits, labels):
    """A loss of which no curvature is lost in rounding where logits are large."""
    return (1 + logits.square()).sqrt().sum()


def dense_gauss_newton(network, loss, batches):
    """1/B sum of J' H J, J by a backward pass for each logit, H by autograd."""
    weights, total = list(trainable(network).values()), 0
    for images, labels in batches:
        with sdpa_kernel(SDPBackend.MATH):
            logits = network(images)
            rows = [
                flatten(
                    torch.autograd.grad(
                        one, weights, retain_graph=True, materialize_grads=True
                    )
                )
                for one in logits.flatten()
            ]
        jacobian, at = torch.stack(rows), logits.detach()
        by_logits = torch.autograd.functional.hessian(
            lambda z, y=labels: loss(z, y), at
        ).reshape(at.numel(), at.numel())
        total = total + jacobian.T @ by_logits @ jacobian
    return total / len(batches)


def rows_of(operator):
    """The operator's matrix, from its products with unit vectors."""
    unit = torch.eye(operator.dimension, dtype=torch.float64)
    return torch.stack([operator(vector) for vector in unit])


@pytest.mark.parametrize("kind", NETS)
def test_products_equal_those_of_dense_jacobians(kind, tiny, batches, rng):
    network, data = tiny(**NETS[kind]), batches()
    expected = dense_gauss_newton(network, distances, data)
    matrix = GaussNewton(Hessian(network, distances, data, 1.0))
    vectors = torch.randn(10, matrix.dimension, generator=rng, dtype=torch.float64)
    products = torch.stack([*map(matrix, vectors)])
    assert expected.abs().max() > 1e-4
    torch.testing.assert_close(products, vectors @ expected, rtol=1e-9, atol=1e-12)
    seen = vectors @ products.T
    torch.testing.assert_close(seen, seen.T, rtol=1e-9, atol=1e-12)
    assert torch.linalg.eigvalsh(seen).min() > -1e-12 * seen.norm()


@pytest.mark.parametrize("least", [1, 10**9], ids=["transformed", "plain"])
@pytest.mark.parametrize("kind", KINDS)
def test_hessian_and_gauss_newton_leave_one_another_as_they_were(
    kind, least, tiny, batches, loss, rng, monkeypatch
):
    monkeypatch.setattr(convolution_rules, "LEAST_CHANNELS", least)
    monkeypatch.setattr(convolution_rules, "LEAST_PRODUCTS", least)
    network, data = tiny(**KINDS[kind]), batches()
    hessian = Hessian(network, loss, data, 1.0)
    both = hessian, GaussNewton(hessian)
    vector = torch.randn(hessian.dimension, generator=rng, dtype=torch.float64)
    given = vector.clone()
    first = [operator(vector) for operator in both]
    assert all(map(torch.equal, first, [operator(vector) for operator in both]))
    assert torch.equal(vector, given)
    expected = dense_gauss_newton(network, loss, data) @ vector
    torch.testing.assert_close(first[1], expected, rtol=1e-9, atol=1e-12)


def test_batches_that_are_not_kept_give_the_same(tiny, batches, loss, rng):
    network, data = tiny(norm="batch"), batches(count=3)
    vector = torch.randn(
        sum(w.numel() for w in network.parameters()), generator=rng
    ).double()
    kept, anew = (
        GaussNewton(Hessian(network, loss, data, memory_gb))(vector)
        for memory_gb in (1.0, 0.0)
    )
    torch.testing.assert_close(kept, anew)


@pytest.mark.parametrize("kind", BY_RULES | BY_AUTOGRAD)
def test_products_go_through_every_kind_of_function(kind):
    torch.manual_seed(0)
    network = around((BY_RULES | BY_AUTOGRAD)[kind]())
    batch = torch.randn(5, 3, 8, 8).double(), torch.randint(3, (5,))
    hessian = Hessian(network, distances, [batch], 1.0)
    vector = torch.randn(hessian.dimension, dtype=torch.float64)
    expected = dense_gauss_newton(network, distances, [batch]) @ vector
    found = GaussNewton(hessian)(vector)
    assert (found - expected).norm() < 1e-9 * expected.norm()


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "active"])
def test_it_is_the_hessian_of_a_network_that_is_linear_in_its_parameters(
    frozen, batches, loss
):
    """One layer, and batch norm behind it: fixed, it is linear; else it is not."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3, affine=False, track_running_stats=frozen).train(not frozen)
    network = nn.Sequential(
        nn.Conv2d(3, 3, 3), norm, nn.AdaptiveAvgPool2d(2), nn.Flatten()
    ).double()
    hessian = Hessian(network, loss, batches(), 1.0)
    matrix = rows_of(hessian)
    rest = (matrix - rows_of(GaussNewton(hessian))).norm() / matrix.norm()
    assert rest < 1e-12 if frozen else rest > 0.1


def test_products_equal_those_of_curvlinops(tiny, batches, rng):
    """Where it is installed (envs/bench.txt); it does not know active batch norm."""
    curvlinops = pytest.importorskip("curvlinops")
    network, data = tiny(norm="batch", frozen=True), batches()
    loss = nn.CrossEntropyLoss()
    matrix = GaussNewton(Hessian(network, loss, data, 1.0))
    vector = torch.randn(matrix.dimension, generator=rng, dtype=torch.float64)
    theirs = curvlinops.GGNLinearOperator(
        network, loss, list(network.parameters()), data, check_deterministic=False
    )
    expected = theirs @ vector
    torch.testing.assert_close(matrix(vector), expected, rtol=1e-9, atol=1e-12)


def flops(operator):
    with FlopCounterMode(display=False) as counter:
        operator(torch.ones(operator.dimension, dtype=torch.float64))
    return counter.get_total_flops()


@pytest.mark.parametrize("kind", ["active batch norm", "frozen batch norm", "no norm"])
def test_a_product_takes_three_quarters_of_the_hessians_operations(
    kind, tiny, batches, loss
):
    hessian = Hessian(tiny(**KINDS[kind]), loss, batches(), 1.0)
    assert flops(GaussNewton(hessian)) < 0.75 * flops(hessian)


def test_a_rule_without_a_transpose_is_said_by_name(tiny, batches, loss, monkeypatch):
    hessian = Hessian(tiny(), loss, batches(), 1.0)
    monkeypatch.setattr(
        first_order, "transposed", first_order.transposed.dispatch(object)
    )
    with pytest.raises(TypeError, match="no transpose of"):
        GaussNewton(hessian)(torch.ones(hessian.dimension, dtype=torch.float64))

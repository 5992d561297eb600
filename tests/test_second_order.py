"""K-FAC steps, where curvlinops is installed."""

import builtins

import pytest
import torch
from torch import nn

from normscope.images import datasets
from normscope.job import UserError
from normscope.networks import conv_net, second_order

SETTINGS = {"batch_size": 6, "momentum": 0.9, "weight_decay": 0.0, "steps": 12}


@pytest.fixture
def network(rng):
    return conv_net.build(conv_net.Architecture((2, 3), 3, "relu"), rng)


def test_without_the_package_it_says_what_to_install(network, dataset, monkeypatch):
    importing = builtins.__import__

    def missing(name, *arguments, **options):
        if name == "curvlinops":
            raise ImportError(name)
        return importing(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    (batch,) = datasets.fixed_batches(dataset, 0, 12, 12)
    with pytest.raises(UserError, match=r"second_order_rates.*envs/beyond\.txt"):
        second_order.hold(network, dataset, 0.1, SETTINGS, batch, torch.Generator())


def test_the_step_of_a_linear_layer_is_the_inverse_of_its_kronecker_product(rng):
    """One image of one pixel: the Gauss-Newton matrix is exactly B x aa'."""
    pytest.importorskip("curvlinops")
    network = nn.Sequential(nn.Conv2d(4, 3, 1, bias=False), nn.Flatten())
    image, labels = torch.randn(1, 4, 1, 1, generator=rng), torch.tensor([1])
    step = second_order.kfac(network, nn.CrossEntropyLoss(), (image, labels))
    gradient = torch.randn(3, 4, 1, 1, generator=rng)
    found, pixel = step([gradient])[0], image.flatten().double()
    p = network.double()(image.double()).softmax(dim=1)[0].detach()
    curvature = p.diag() - p[:, None] * p
    matrix = torch.kron(curvature, torch.outer(pixel, pixel))
    matrix += second_order.DAMPING * torch.eye(12)
    expected = torch.linalg.solve(matrix, gradient.double().flatten())
    # To the rounding of the result, so that factors are in float64.
    torch.testing.assert_close(found.double().flatten(), expected, rtol=3e-7, atol=1e-8)


def test_steps_are_those_of_momentum_on_preconditioned_gradients(
    network, dataset, monkeypatch
):
    """With the identity for the inverse, it is torch's SGD."""
    from torch.nn.functional import cross_entropy

    from normscope.networks import held_rates

    monkeypatch.setattr(second_order, "kfac", lambda *arguments: lambda g: g)
    (batch,) = datasets.fixed_batches(dataset, 0, 12, 12)
    other = conv_net.build(
        conv_net.Architecture((2, 3), 3, "relu"), torch.Generator().manual_seed(0)
    )
    other.load_state_dict(network.state_dict())
    rngs = [torch.Generator().manual_seed(3) for _ in range(2)]
    found = second_order.hold(network, dataset, 0.05, SETTINGS, batch, rngs[0])
    expected = held_rates.hold(other, dataset, cross_entropy, 0.05, SETTINGS, rngs[1])
    assert found == pytest.approx(expected)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)

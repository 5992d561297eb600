"""Hessian products through every kind of function against double backward's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import BY_AUTOGRAD, BY_RULES, around
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from normscope.curvature.batch_norm_rules import ActiveBatchNorm
from normscope.curvature.hessian import Hessian
from normscope.curvature.linear_rules import Sum
from normscope.curvature.linearised_gradient import LinearisedGradient
from normscope.curvature.rules import tensors_in
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


@pytest.mark.parametrize("kind", BY_RULES)
def test_what_has_a_rule_goes_by_it(kind):
    network = around(BY_RULES[kind]())
    ways = Hessian(network, cross_entropy, [data()], 1.0).ways
    assert "autograd" not in ways


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("weight standardisation", "network.2: var, network.2: truediv"),
        ("a module that looks at numbers", "network.2: Untraceable"),
        ("padding by name", "by autograd for 1: network.2: conv2d"),
        ("shared memory", "by autograd around all of Classifier"),
    ],
)
def test_the_slow_ways_are_named(kind, named):
    network = around(BY_AUTOGRAD[kind]())
    assert named in Hessian(network, cross_entropy, [data()], 1.0).ways


@pytest.mark.parametrize("kind", KINDS)
def test_rules_write_over_nothing_but_what_they_may(kind, monkeypatch):
    network, (images, labels) = around(KINDS[kind]()), data()
    made = LinearisedGradient(
        network, lambda logits: cross_entropy(logits, labels), images, True
    )
    direction = {
        name: torch.randn_like(value) for name, value in network.named_parameters()
    }
    for step in made.steps:
        watch(step.rule, monkeypatch)
    before = [copies(held(step.rule)) for step in made.steps]
    made(direction)
    for step, those in zip(made.steps, before, strict=True):
        assert unchanged(held(step.rule), those), step.rule


def watch(rule, monkeypatch):
    """Check in each call what the docstring of Rule says of memory."""
    forward, backward, lent = rule.forward, rule.backward, []

    def watched_forward(d):
        given = list(tensors_in(d))
        before = copies(given)
        dy, kept = forward(d)
        assert rule.writes or unchanged(given, before)
        assert rule.passes_on or not overlap(dy, given)
        assert not overlap(dy, held(rule))
        if not rule.passes_on and not rule.writes:
            lent.extend(zip(given, before, strict=True))
        return dy, kept

    def watched_backward(kept, dg):
        found = backward(kept, dg)
        assert unchanged(*zip(*lent, strict=True)) if lent else True
        for number, by_input in enumerate(found.values()):
            assert not overlap(by_input, held(rule))
            assert not overlap(by_input, list(found.values())[:number])
        return found

    monkeypatch.setattr(rule, "forward", watched_forward)
    monkeypatch.setattr(rule, "backward", watched_backward)


def held(rule):
    return list(tensors_in(vars(rule)))


def copies(tensors):
    return [tensor.clone() for tensor in tensors]


def unchanged(tensors, those):
    return all(map(torch.equal, tensors, those))


def overlap(some, others):
    """Whether an entry of the ones is in the same place as one of the others."""
    return not places(some).isdisjoint(places(others))


def places(values):
    """The addresses of all entries."""
    found = set()
    for tensor in tensors_in(values):
        offsets = torch.zeros((), dtype=torch.long)
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
            offsets = offsets[..., None] + torch.arange(size) * stride
        offsets = tensor.data_ptr() + offsets * tensor.element_size()
        found.update(offsets.flatten().tolist())
    return found


def test_a_rule_that_is_wrong_or_writes_over_others_tangents_is_caught(monkeypatch):
    network = around(KINDS["residual block"]())
    monkeypatch.setattr(Sum, "_back", lambda self, name, g: 1.001 * g)
    assert error(network, *data()) > 1e-5
    monkeypatch.undo()
    monkeypatch.setattr(ActiveBatchNorm, "writes", False)
    with pytest.raises(AssertionError):
        test_rules_write_over_nothing_but_what_they_may(
            "active batch norm", monkeypatch
        )


LAYERS = (
    "convolution, per channel", "active affine batch norm", "frozen affine batch norm",
    "plain group norm", "softplus", "functions", "gelu", "identity", "residual block",
    "multi-head attention", "a module that looks at numbers", "weight standardisation",
)  # fmt: skip
JOINS = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "product": lambda x, y: x * y.sigmoid(),
    "concatenation": lambda x, y: torch.cat([x, y], 1)[:, 2:6],
    "stack": lambda x, y: torch.stack([x, y.tanh()], 1).mean(1),
    "first": lambda x, y: x,
}


class Graph(nn.Module):
    """Each node calls a layer with an earlier node, and joins it with another."""

    def __init__(self, layers, calls):
        super().__init__()
        self.layers, self.calls = nn.ModuleList(layers), calls

    def forward(self, x):
        nodes = [x]
        for layer, source, join, other in self.calls:
            y = self.layers[layer % len(self.layers)](nodes[source % len(nodes)])
            nodes.append(JOINS[join](y, nodes[other % len(nodes)]))
        return nodes[-1]


@settings(max_examples=25)
@given(
    kinds=st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4),
    calls=st.lists(
        st.tuples(
            st.integers(0, 9),
            st.integers(0, 9),
            st.sampled_from(sorted(JOINS)),
            st.integers(0, 9),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_products_through_random_graphs_equal_those_of_double_backward(kinds, calls):
    """With branches, modules that are called again, and outputs that nobody uses."""
    torch.manual_seed(0)
    network = around(Graph([KINDS[kind]() for kind in kinds], calls))
    assert error(network, *data()) < 1e-9

"""What layers put out as they run, against the network itself called by hand."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.func import functional_call

from normscope.networks import layers
from normscope.networks.layer_names import layer_of
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.outputs import activations


class Twice(nn.Module):
    """A layer that runs twice, one that never runs, attention, a class token."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.unused = nn.Linear(2, 2)
        self.last = nn.Linear(4, 3)
        self.patches = nn.Conv2d(3, 4, 8, stride=8)
        self.block = nn.ModuleDict(
            {
                "norm": nn.LayerNorm(4),
                "mix": nn.MultiheadAttention(4, 2, batch_first=True),
            }
        )
        self.values = nn.ReLU()

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1)
        x = self.block["norm"](self.block["norm"](x))
        x = x + self.block["mix"](x, x, x)[0]
        return self.last(self.values(x[:, 0]))


@pytest.mark.parametrize(
    "kind",
    [
        {"norm": "batch"},
        {"norm": "none"},
        {"norm": "group", "affine": "both"},
        {"norm": "batch", "shortcuts": True},
    ],
)
def test_activations_end_in_what_the_network_puts_out(tiny, batches, rng, kind):
    network, (images, _) = tiny(**kind), batches()[0]
    found = {}
    outputs = activations.pass_through(network, images, found.__setitem__)
    assert list(found) == [name for name, _ in network.named_children()]
    torch.testing.assert_close(outputs, network(images))
    torch.testing.assert_close(found["flatten"], outputs)

    weights = detached(network)
    direction = torch.randn(len(flatten(weights.values())), generator=rng).double()
    stepped = perturbed(weights, direction, 0.1)
    outputs = activations.pass_through(network, images, found.__setitem__, stepped)
    torch.testing.assert_close(found["flatten"], outputs)
    expected = functional_call(network, stepped, images)
    torch.testing.assert_close(outputs, expected)
    assert not torch.allclose(expected, network(images))


def test_layers_of_any_network_are_named_in_the_order_in_which_they_run(rng):
    network, images = Twice(), torch.randn(2, 3, 16, 16, generator=rng)
    shapes = {}
    activations.pass_through(
        network, images, lambda name, outputs: shapes.update({name: outputs.shape})
    )
    assert {name: tuple(shape) for name, shape in shapes.items()} == {
        "patches": (2, 4, 2, 2),
        "block.norm": (2, 4, 5),
        "block.norm:2": (2, 4, 5),
        "block.mix": (2, 4, 5),
        "values:2": (2, 4),  # `values` is the data set of the outputs
        "last": (2, 3),
    }
    names = activations.names_of_layers(network, images)
    assert names == [*shapes, "logits"]
    shown = activations.shown_layers(network, names)
    assert shown == ["block.norm", "block.norm:2"]


def test_many_layers_are_shown_evenly_spaced(rng):
    network = nn.Sequential(*(nn.Linear(2, 2) for _ in range(40)))
    names = activations.names_of_layers(network, torch.zeros(3, 2))
    shown = [int(name) for name in activations.shown_layers(network, names)]
    assert len(shown) == activations.MOST_SHOWN
    assert (shown[0], shown[-1]) == (0, 38)
    assert {after - before for before, after in pairwise(shown)} == {2, 3}


def test_a_parameter_is_of_the_layer_that_computes_with_it():
    known = dict(layers.leaves(Twice()))
    assert [layer_of(name, known) for name, _ in Twice().named_parameters()] == [
        "token", "unused", "unused", "last", "last", "patches", "patches",
        *["block.norm"] * 2, *["block.mix"] * 4,
    ]  # fmt: skip


def test_hooks_are_gone_afterwards():
    network = nn.Sequential(nn.Linear(2, 2))
    with layers.looking(network, lambda *_: None):
        assert network[0]._forward_hooks
    assert not network[0]._forward_hooks

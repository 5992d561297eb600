"""Diagrams of networks have a row for every block and a box for every layer."""

import pytest
import torch

from normscope.figures import diagrams
from normscope.networks import chains, conv_net
from normscope.results import steps


def rows_of(rng, norm, position="before_activation", activation="relu"):
    architecture = conv_net.Architecture((2, 3, 4), 5, activation, norm, position)
    network = conv_net.build(architecture, rng)
    return network, diagrams.rows_of(network, torch.zeros(2, 3, 32, 32))


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "none"])
@pytest.mark.parametrize("position", ["before_activation", "after_activation"])
@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_a_diagram_has_a_box_for_every_layer(rng, norm, position, activation):
    network, rows = rows_of(rng, norm, position, activation)
    assert [row.name for row in rows] == [
        "input", "prep", "layer1", "layer1 extra", "layer2", "layer2 extra",
        "classifier",
    ]  # fmt: skip
    boxes = [box for row in rows for box in row.boxes]
    kinds = [box.kind for box in boxes]
    assert len(boxes) - kinds.count("missing") == len(network)
    assert kinds.count("missing") == (5 if norm == "none" else 0)
    assert kinds.count("norm") == (0 if norm == "none" else 5)
    assert rows[4].boxes[0].text == "conv\n3 x 3"
    assert [row.size for row in rows[3:]] == [
        "3 x 16 x 16", "4 x 8 x 8", "4 x 1 x 1", "5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("norm", "position", "differing"),
    [
        ("batch", "before_activation", set()),
        ("batch", "after_activation", {"norm", "activation"}),
        ("group", "before_activation", {"norm"}),
        ("none", "before_activation", set()),
    ],
)
def test_what_differs_from_the_articles_network_is_marked(
    rng, norm, position, differing
):
    _, (_, *blocks, classifier) = rows_of(rng, norm, position)
    for row in blocks:
        assert {box.kind for box in row.boxes if box.differs} == differing
    assert not any(box.differs for box in classifier.boxes)


def test_a_missing_norm_stands_where_it_would_be(rng):
    _, rows = rows_of(rng, "none")
    kinds = [box.kind for box in rows[2].boxes]
    assert kinds == ["conv", "missing", "activation", "pool"]
    chain = chains.build(1, 4, "relu", rng)
    (row,) = diagrams.rows_of(chain, torch.zeros(1, 4))
    assert [box.kind for box in row.boxes] == ["linear", "activation"]


def test_a_loss_says_what_it_is_made_of():
    assert [box.text for box in diagrams.loss_row(0).boxes] == ["cross-\nentropy"]
    assert diagrams.loss_row(0.5).boxes[1].text == "label smoothing\n0.5"


def test_shown_layers_are_norms_or_convs_in_the_networks_order():
    names = ["input_scale", "prep_conv", "prep_act", "layer1_conv", "classifier_conv"]
    assert steps.inner_layers(names) == ["prep_conv", "layer1_conv"]
    names[2:2] = ["prep_norm"]
    assert steps.inner_layers(names) == ["prep_norm"]

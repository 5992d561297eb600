"""Diagrams of networks have a box for every layer."""

import pytest
import torch

from normscope.figures import diagrams
from normscope.networks import conv_net
from normscope.results import steps


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "none"])
@pytest.mark.parametrize("position", ["before_activation", "after_activation"])
@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_a_diagram_has_a_box_for_every_layer(rng, norm, position, activation):
    architecture = conv_net.Architecture((2, 3, 4), 5, activation, norm, position)
    network = conv_net.build(architecture, rng)
    boxes, arrows = diagrams.layer_boxes(network, torch.zeros(2, 3, 32, 32))
    assert list(boxes) == ["input", *(name for name, _ in network.named_children())]
    assert len(arrows) == len(network)
    assert boxes["layer2_conv"].text == "conv 3x3"
    assert boxes["layer2_conv"].note == "4\n16²"
    assert boxes["flatten"].note == "5"
    kinds = [box.kind for box in boxes.values()]
    assert kinds.count("weights") == 6
    assert kinds.count("norm") == (0 if norm == "none" else 5)


def test_a_loss_says_what_it_is_made_of():
    outputs = diagrams.Box("flatten", "data", 3.0)
    plain, arrows = diagrams.loss_boxes(outputs, 0)
    assert {box.text for box in plain.values()} == {
        "labels", "cross-entropy", "correct",
    }  # fmt: skip
    assert ("flatten", "entropy") in arrows
    smoothed, arrows = diagrams.loss_boxes(outputs, 0.5)
    assert smoothed["loss"].text == "sum, 1 : 0.5"
    ends = {source for source, target in arrows if target == "loss"}
    assert ends == {"entropy", "mean"}
    known = {"flatten", *smoothed}
    assert all({source, target} <= known for source, target in arrows)


def test_shown_layers_are_norms_or_convs_in_the_networks_order():
    names = ["input_scale", "prep_conv", "prep_act", "layer1_conv", "classifier_conv"]
    assert steps.inner_layers(names) == ["prep_conv", "layer1_conv"]
    names[2:2] = ["prep_norm"]
    assert steps.inner_layers(names) == ["prep_norm"]

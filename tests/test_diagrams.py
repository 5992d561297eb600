"""Diagrams of networks have a row for every block and a box for every layer."""

from importlib.util import module_from_spec, spec_from_file_location

import pytest
import torch
from running import ROOT
from torch import nn

from normscope.figures import diagrams, module_rows, network_rows
from normscope.figures.module_runs import runs_of
from normscope.networks import chains, conv_net
from normscope.results import steps

spec = spec_from_file_location("my_networks", ROOT / "examples/my_networks.py")
my_networks = module_from_spec(spec)
spec.loader.exec_module(my_networks)


def rows_of(rng, norm, position="before_activation", activation="relu"):
    architecture = conv_net.Architecture((2, 3, 4), 5, activation, norm, position)
    network = conv_net.build(architecture, rng)
    return network, network_rows.rows_of(network, torch.zeros(2, 3, 32, 32))


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
    (row,) = network_rows.rows_of(chain, torch.zeros(1, 4))
    assert [box.kind for box in row.boxes] == ["linear", "activation"]


def test_a_loss_says_what_it_is_made_of():
    assert [box.text for box in network_rows.loss_row(0).boxes] == ["cross-\nentropy"]
    assert network_rows.loss_row(0.5).boxes[1].text == "label smoothing\n0.5"


def variant(rng, **line):
    architecture = conv_net.Architecture((2, 3, 4), 5, "relu", **line)
    network = conv_net.build(architecture, rng).eval()
    return network_rows.rows_of(network, torch.zeros(2, 3, 32, 32))


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ({"norm": "batch"}, 2),
        ({"norm": "none"}, 2),
        ({"norm": "batch", "norm_position": "after_activation"}, 1),
        ({"norm": "none", "pool": "stride"}, 2),
    ],
)
def test_a_shortcut_is_a_row_that_ends_at_a_sum(rng, line, place):
    rows = variant(rng, shortcuts=True, **line)
    assert [row.name for row in rows] == [
        "input", "prep", "layer1", "layer1 extra", "shortcut", "layer2", "layer2 extra",
        "shortcut", "pool", "classifier",
    ]  # fmt: skip
    for row, above in ((rows[4], rows[3]), (rows[7], rows[6])):
        assert row.around == 2
        assert row.boxes[0].text == "conv\n1 x 1 / 2"
        assert above.boxes[place].text == diagrams.SUM
    assert max(len(row.boxes) for row in rows) <= diagrams.MOST
    diagrams.draw_diagram(rows, "title")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ({"norm": "batch", "affine": "both"}, "batch\naffine"),
        ({"norm": "group", "affine": "scale"}, "group 2\nscale"),
        ({"norm": "instance"}, "instance\nnorm"),
        ({"norm": "batch", "ghost_batch": 16}, "ghost 16\nnorm"),
    ],
)
def test_a_box_says_what_the_norm_is(rng, line, text):
    prep = variant(rng, **line)[1]
    assert prep.boxes[1].text == text
    assert prep.boxes[1].differs


def test_standardised_weights_are_no_missing_norm(rng):
    prep = variant(rng, norm="weight_standardised")[1]
    assert [box.text for box in prep.boxes] == ["WS conv\n3 x 3", "ReLU"]
    assert prep.boxes[0].differs


def module_column(module, size=32):
    rows = module_rows.rows_of_module(module.eval(), torch.zeros(2, 3, size, size))
    assert max(len(row.boxes) for row in rows) <= diagrams.MOST
    diagrams.draw_diagram(rows, "title")
    return rows, [[box.text for box in row.boxes] for row in rows]


def test_a_module_is_a_column_of_its_parts_repeats_as_one():
    rows, texts = module_column(my_networks.small_transformer(5))
    assert [(row.name, row.size) for row in rows] == [
        ("input", "3 x 32 x 32"), ("patches", "24 x 4 x 4"),
        ("blocks 0 to 1", "17 x 24"), ("", ""), ("norm to head", "5"),
    ]  # fmt: skip
    assert texts[2][1:3] == ["attention\n4 heads", "+\ninput"]
    assert texts[3] == ["linear", "GELU", "linear", "+\nsum"]
    rows, _ = module_column(my_networks.small_resnet(5))
    assert [row.name for row in rows if row.name] == [
        "input", "0 to 2", "3", "4", "5", "6 to 8",
    ]  # fmt: skip


def test_sums_say_what_they_add_and_branches_where_they_start():
    rows, texts = module_column(my_networks.small_resnet(5))
    conv, norm = "conv\n3 x 3", "batch\naffine"
    assert texts[2:4] == [[conv, norm, "ReLU", conv], [norm, "+\ninput", "ReLU"]]
    branch = ["from\ninput", "conv\n1 x 1 / 2", norm, "+\nnorm2"]
    assert texts[5:8] == [[norm], branch, ["ReLU"]]
    wires = diagrams.draw_diagram(rows, "title").axes[0].lines
    arrows = [wire.get_ydata()[0] for wire in wires if wire.get_marker() == "v"]
    assert len(arrows) == len(rows) - 3  # none to the first row, nor to branches


class Joined(nn.Module):
    """Functions of one, two and three layers, and a layer that runs twice."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.act = nn.ReLU()
        self.shift = nn.Parameter(torch.zeros(3, 1, 1))

    def forward(self, images):
        one = self.act(self.one(images)) + self.shift
        two = self.act(self.two(images))
        gated = torch.sigmoid(two.mean()) * one
        both = torch.cat([one, two, images], dim=1)
        return (gated - two).mean((2, 3)) + both.mean((1, 2, 3))[:, None]


def test_any_function_of_several_layers_is_a_box():
    runs = runs_of(Joined(), torch.zeros(2, 3, 4, 4))
    assert [(run.name, run.sources) for run in runs] == [
        ("input", ()), ("one", (0,)), ("act", (1,)), ("two", (0,)), ("act:2", (3,)),
        ("mul", (2, 4)), ("cat", (0, 2, 4)), ("sub", (4, 5)), ("add", (6, 7)),
    ]  # fmt: skip
    _, texts = module_column(Joined(), 4)
    assert texts[1:] == [
        ["conv\n1 x 1", "ReLU"], ["from\ninput", "conv\n1 x 1", "ReLU", "x\nact"],
        ["from\nact:2", "concat\n2 more"], ["from\nproduct", "-\nact:2", "+\nconcat"],
    ]  # fmt: skip


def test_shown_layers_are_norms_or_convs_in_the_networks_order():
    names = ["input_scale", "prep_conv", "prep_act", "layer1_conv", "classifier_conv"]
    assert steps.inner_layers(names) == ["prep_conv", "layer1_conv"]
    names[2:2] = ["prep_norm"]
    assert steps.inner_layers(names) == ["prep_norm"]

"""What is wrong with a network's line is said in one line that names its key."""

import re

import pytest
from running import ROOT, SMOKE
from test_settings import CONFIG, SCHEMA, changed, merged, read

from normscope.network_lines import differing
from normscope.results.roles import network_roles, title_roles
from normscope.settings import config_error

BATCH = {"norm": "batch", "max_lr": 0.5}
MODULE = {"module": "mine.py:build", "max_lr": 0.5}


@pytest.mark.parametrize(
    "line",
    [
        BATCH | {"affine": "both", "shortcuts": True, "pool": "stride"},
        BATCH | {"norm_layers": ["prep", "layer3_extra", "logits"]},
        BATCH | {"ghost_batch": 16, "training": {"batch_size": 64, "smoothing": 0}},
        {"norm": "weight_standardised", "max_lr": 0.1, "init_scale": 0.5},
        {"norm": "weight_standardised", "max_lr": 0.1, "norm_layers": ["logits"]},
        {"norm": "instance", "max_lr": 0.1},
        MODULE,
        MODULE | {"training": {"epochs": 3}},
    ],
)
def test_a_line_that_is_right(line):
    assert config_error(changed("networks/x", line), SCHEMA) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (BATCH | {"affine": "all"}, r"networks\.x\.affine: 'all' is not one of"),
        (BATCH | {"pool": "median"}, r"networks\.x\.pool: 'median' is not one of"),
        (BATCH | {"shortcuts": "yes"}, r"networks\.x\.shortcuts: 'yes' is not of"),
        (BATCH | {"init_scale": 0}, r"networks\.x\.init_scale: 0 "),
        (BATCH | {"ghost_batch": 24}, r"x\.ghost_batch: 24 must divide training\.b"),
        (
            BATCH | {"ghost_batch": 64, "training": {"batch_size": 64}},
            None,
        ),
        (BATCH | {"ghost_batch": 64}, r"64 must divide training\.batch_size, 32"),
        (BATCH | {"norm": "layer", "ghost_batch": 8}, r"only batch norm has ghost"),
        (BATCH | {"norm_layers": ["layer4"]}, r"norm_layers: there is no layer4; name"),
        (BATCH | {"norm_layers": []}, r"networks\.x\.norm_layers: "),
        (
            BATCH | {"norm": "instance", "norm_layers": ["logits"]},
            r"norm_layers: logits have one pixel",
        ),
        (BATCH | {"norm": "none", "affine": "scale"}, r"affine: there is no norm laye"),
        (
            BATCH
            | {"norm": "weight_standardised", "norm_position": "after_activation"},
            r"norm_position: there is no norm layer to place",
        ),
        (BATCH | {"norm": "none", "norm_layers": ["prep"]}, r"there is no norm; say"),
        (BATCH | {"training": {"end_epoch": 3}}, r"x\.training\.end_epoch: 3 must be "),
        (BATCH | {"training": {"momentum": 0.5}}, r"'momentum' was unexpected"),
        (MODULE | {"norm": "batch"}, r"networks\.x: .*'norm' was unexpected"),
        (MODULE | {"module": "mine:build"}, r"x\.module: 'mine:build' does not match"),
        ({"module": "mine.py:build"}, r"networks\.x: 'max_lr' is a required"),
    ],
)
def test_a_line_that_is_wrong(line, message):
    said = config_error(changed("networks/x", line), SCHEMA)
    if message is None:
        assert said is None
    else:
        assert "\n" not in said
        assert re.search(message, said), said


def test_a_module_can_be_frozen():
    networks = {"mine": MODULE, "frozen": {"freeze": "mine"}}
    assert config_error(changed("networks", networks), SCHEMA) is None


def test_sizes_can_be_halved_as_often_as_the_network_does():
    config = merged(CONFIG, {"dataset": {"size": 8}, "network": {"widths": [2] * 6}})
    said = config_error(config, SCHEMA)
    assert said.startswith("config key dataset.size: 8 cannot be halved 5 times")
    assert config_error(merged(config, {"dataset": {"size": 64}}), SCHEMA) is None
    networks = dict.fromkeys(CONFIG["networks"]) | {"mine": MODULE}
    assert config_error(config | {"networks": networks}, SCHEMA) is None
    said = config_error(merged(CONFIG, {"dataset": {"size": 36}}), SCHEMA)
    assert said.startswith("config key dataset.size: 36 is not a multiple of 8")


def test_instance_norm_of_one_pixel_is_refused():
    line = {"norm": "instance", "max_lr": 0.1}
    small = {"dataset": {"size": 8}, "networks": {"x": line}}
    said = config_error(merged(CONFIG, small), SCHEMA)
    assert said.startswith("config key networks.x.norm: layer3_extra has one pixel")
    small["networks"] = {"x": line | {"norm_layers": ["prep", "layer3"]}}
    assert config_error(merged(CONFIG, small), SCHEMA) is None


def test_what_is_as_in_the_article_is_left_out():
    line = {"norm": "batch", "norm_position": "before_activation", "max_lr": 1}
    said = {"affine": "none", "pool": "max", "shortcuts": False, "init_scale": 1}
    assert differing(line | said, SCHEMA) == line
    other = {"affine": "scale", "pool": "mean", "init_scale": 2}
    assert differing(line | other, SCHEMA) == line | other


def test_variants_have_no_role_in_the_article():
    line = {"norm": "batch", "norm_position": "before_activation", "max_lr": 1}
    networks = {
        "shortcuts": line | {"shortcuts": True},
        "frozen_shortcuts": {"freeze": "shortcuts"},
        "smoother": line | {"training": {"smoothing": 1}},
        "mine": MODULE,
        "batch": line,
        "frozen": {"freeze": "batch"},
    }
    assert network_roles(networks) == {"batch_norm": "batch", "frozen": "frozen"}
    assert title_roles(networks) == network_roles(networks)
    del networks["batch"], networks["frozen"]
    assert network_roles(networks) == {}
    named = {"batch_norm": "shortcuts", "frozen": "frozen_shortcuts"}
    assert title_roles(networks) == named
    del networks["frozen_shortcuts"]
    assert title_roles(networks) == {}


def test_the_configs_of_the_tests_and_examples_are_right():
    paths = [SMOKE, *(ROOT / "examples").glob("*.yaml")]
    for path in paths:
        assert config_error(merged(CONFIG, read(path)), SCHEMA) is None

"""Every mistake in a config is one line that names its key."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from normscope.settings import complaint


def read(path):
    return yaml.safe_load(Path(path).read_text())


SCHEMA = read("workflow/schemas/config.schema.yaml")
CONFIG = read("config.yaml")


def changed(path, value):
    config = copy.deepcopy(CONFIG)
    *parents, last = path.split("/")
    section = config
    for key in parents:
        section = section[key]
    section[last] = value
    return config


@pytest.mark.parametrize("name", ["article", "image_folder"])
def test_the_configs_are_right(name):
    over = read(f"configs/{name}.yaml")
    config = copy.deepcopy(CONFIG)
    for key, value in over.items():
        if key == "networks":
            for network, variant in value.items():
                config["networks"][network] |= variant
        elif isinstance(value, dict):
            config[key] |= value
        else:
            config[key] = value
    assert complaint(CONFIG, SCHEMA) is None
    assert complaint(config, SCHEMA) is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sedes", [1], "'sedes' was unexpected"),
        ("dataset/nmae", "x", "dataset: .*'nmae' was unexpected"),
        ("training/epochs", "ten", "training.epochs: 'ten' is not of type 'integer'"),
        ("training/epochs", 0, "training.epochs: 0 is less than the minimum of 1"),
        ("training/momentum", 1, "training.momentum: 1 "),
        ("training/end_epoch", 3, "training.end_epoch: must be after"),
        ("device", "gpu", "device: 'gpu' is not one of"),
        ("seeds", [1, 1], "seeds: .*non-unique"),
        ("seeds", [], "seeds: "),
        ("run", "a/b", "run: 'a/b' does not match"),
        ("network/widths", [8], "network.widths: "),
        ("hessian/k", 0, "hessian.k: "),
        ("networks", {}, "networks: "),
        ("networks", {"gone": None}, "networks: no network is left"),
        (
            "networks/a b",
            {"norm": "none", "max_lr": 1},
            "networks: 'a b' does not match",
        ),
        ("networks/x", {"norm": "none"}, "networks.x: 'max_lr' is a required"),
        (
            "networks/x",
            {"norm": "btach", "max_lr": 1},
            "networks.x.norm: 'btach' is not",
        ),
        ("networks/x", {"norm": "none", "max_lr": 1, "lr": 1}, "'lr' was unexpected"),
        ("networks/x", {"freeze": "y"}, "networks.x.freeze: there is no network y"),
        ("networks/x", {"freeze": "x"}, "networks.x.freeze: x has no active"),
        ("networks/x", {"freeze": "no_batch_norm"}, "no_batch_norm has no active"),
        ("networks/x", {"freeze": "frozen_batch_norm"}, "has no active batch norm"),
        (
            "networks/x",
            {"freeze": "batch_norm", "max_lr": 1},
            "'max_lr' was unexpected",
        ),
        (
            "networks/x",
            {"norm": "none", "norm_position": "after_activation", "max_lr": 1},
            "networks.x.norm_position: there is no norm layer to place",
        ),
    ],
)
def test_a_mistake_is_said_in_one_line(path, value, message):
    said = complaint(changed(path, value), SCHEMA)
    assert said is not None
    assert "\n" not in said
    assert re.search(message, said), said


def test_null_drops_a_network():
    assert complaint(changed("networks/post_batch_norm", None), SCHEMA) == (
        "config key networks.frozen_post_batch_norm.freeze: there is no network "
        "post_batch_norm"
    )

"""Every mistake in a config is one line that names its key."""

import copy
import re
from math import inf, nan
from pathlib import Path

import pytest
import yaml

from normscope.settings import config_error, repeated_key


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


def merged(below, over):
    """As Snakemake does it: sections key by key, all else replaced."""
    return below | {
        key: merged(below[key], value)
        if isinstance(value, dict) and isinstance(below.get(key), dict)
        else value
        for key, value in over.items()
    }


@pytest.mark.parametrize(
    "name",
    ["article", "beyond", "image_folder", "photographs", "sweep", "verdicts", "wide"],
)
def test_the_configs_are_right(name):
    over = read(f"configs/{name}.yaml")
    config = merged(CONFIG, over)
    assert config_error(CONFIG, SCHEMA) is None
    assert config_error(config, SCHEMA) is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sedes", [1], "'sedes' was unexpected.*; did you mean seeds"),
        (
            "networks/x",
            {"norm": "none", "lr": 1},
            "'lr' was .*; it may have norm, .*max",
        ),
        (
            "networks/x",
            {"module": "a.py", "max_lr": 1},
            "x.module: 'a.py' .* write fil",
        ),
        ("dataset", {"name": "image_folder"}, "dataset.root: name the folder"),
        ("hessian/images", 3073, "images: 3073 is more than the .*train_size 3072"),
        ("hessian/batch_size", 4096, "hessian.batch_size: 4096 is more than"),
        ("training/batch_size", 4096, "training.batch_size: 4096 is more than"),
        ("perturbation/images", 4096, "perturbation.images: 4096 is more than"),
        ("initialisation/images", 4096, "initialisation.images: 4096 is more than"),
        ("dataset/train_size", 100, "hessian.images: 256, .*ion.images: 512 is more"),
        ("dataset/nmae", "x", "dataset: .*'nmae' was unexpected"),
        ("training/epochs", "ten", "training.epochs: 'ten' is not of type 'integer'"),
        ("training/epochs", 9.0, "training.epochs: 9.0 is not of type 'integer'"),
        ("training/epochs", True, "training.epochs: True is not of type 'integer'"),
        ("seeds", [0.0], "seeds.0: 0.0 is not of type 'integer'"),
        ("hessian/tolerance", nan, "hessian.tolerance: nan is not of type 'number'"),
        ("hessian/memory_gb", inf, "hessian.memory_gb: inf is not of type 'number'"),
        ("hessian/tolerance", "1e-3", "hessian.tolerance: '1e-3' is not of type"),
        ("networks/x", {1: 2}, r"config key networks\.x: 1 is no name; put it in quot"),
        ("training/epochs", 0, "training.epochs: 0 is less than the minimum of 1"),
        ("training/momentum", 1, "training.momentum: 1 "),
        ("training/end_epoch", 3, "training.end_epoch: 3 must be after peak_epoch, 4$"),
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
            "networks: 'a b' is no name; begin with a letter",
        ),
        ("networks/a.b", {"norm": "none", "max_lr": 1}, "'a.b' is no name"),
        ("networks/..", {"norm": "none", "max_lr": 1}, "'..' is no name"),
        ("run", "..", "run: '..' does not match .*; write a name of letters"),
        ("run", "", "run: '' "),
        ("initialisation/experiments/relu_chain/dpeth", 3, "'dpeth' was unexpected"),
        ("hessian/precision", "float16", "hessian.precision: 'float16' is not one of"),
        ("hessian/starts", 0, "hessian.starts: 0 is less"),
        ("hessian/tolerance", 0, "hessian.tolerance: 0 "),
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
        (
            "networks/lr_stress",
            {"norm": "none", "max_lr": 1},
            "networks.lr_stress: a folder of results is called so",
        ),
        (
            "networks/lr_held",
            {"norm": "none", "max_lr": 1},
            "networks.lr_held: a folder of results is called so",
        ),
        ("learning_rate_stress/epochs", 0, "learning_rate_stress.epochs: 0 is less"),
        ("learning_rate_stress/held/rates", [], "held.rates: "),
        ("learning_rate_stress/held/rates", [0.5, 0.5], "held.rates: .*non-unique"),
        ("learning_rate_stress/held/rates", [0.5, 0], r"held.rates.1: 0 "),
        ("learning_rate_stress/held/steps", 0, "held.steps: 0 is less"),
        ("perturbation/step", 0, "perturbation.step: 0 "),
        (
            "initialisation/experiments/x",
            {"norm": "layer", "inputs": "images", "frozen": True},
            "experiments.x.frozen: only batch norm can be frozen",
        ),
        (
            "initialisation/experiments/x",
            {"norm": "none", "inputs": "images", "norm_position": "after_activation"},
            "experiments.x.norm_position: there is no norm layer to place",
        ),
        (
            "initialisation/experiments/x",
            {"norm": "layer"},
            "experiments.x: 'inputs' is a required",
        ),
        (
            "initialisation/experiments/x",
            {"depth": 3, "width": 8, "activation": "tanh"},
            "experiments.x.activation: 'tanh' is not one of",
        ),
        (
            "initialisation/experiments/x",
            {"depth": 3, "width": 8, "activation": "relu", "layers": [4, 5]},
            "experiments.x.layers: one must be within depth, 3",
        ),
    ],
)
def test_a_mistake_is_said_in_one_line(path, value, message):
    said = config_error(changed(path, value), SCHEMA)
    assert said is not None
    assert "\n" not in said
    assert re.search(message, said), said


def test_a_name_with_a_slash_is_refused():
    config = copy.deepcopy(CONFIG)
    config["networks"]["a/b"] = {"norm": "none", "max_lr": 1}
    assert "networks: 'a/b' is no name" in config_error(config, SCHEMA)


def test_a_name_that_yaml_takes_for_false_is_refused():
    assert config_error(CONFIG | {False: 1}, SCHEMA) == (
        "config key (top level): False is no name; put it in quotes"
    )


def test_null_drops_a_network():
    assert config_error(changed("networks/post_batch_norm", None), SCHEMA) == (
        "config key networks.frozen_post_batch_norm.freeze: there is no network "
        "post_batch_norm, as null dropped it; drop this one as well"
    )


@pytest.mark.parametrize(
    ("path", "value", "hint"),
    [
        ("hessian/tolerance", "1e-3", r"type 'number'; write 1\.0e-3$"),
        ("hessian/tolerance", "1E-10", r"; write 1\.0e-10$"),
        ("training/epochs", "2e1", r"; write 20$"),
        ("seeds", ["1", "2"], "write [12] without quotes, in a file for --configfile"),
        ("hessian/k", "five", "'five' is not of type 'integer'$"),
        ("run", 5, "5 is not of type 'string'; put it in quotes$"),
    ],
)
def test_a_number_that_came_as_text_says_how_to_write_it(path, value, hint):
    assert re.search(hint, config_error(changed(path, value), SCHEMA))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hessian: {k: 3}\nseeds: [0]\nhessian: {images: 40}", "hessian .* 1 and 3"),
        ("networks:\n  mine: {norm: none}\n  mine: {}", r"networks\.mine .* 2 and 3"),
        ('a:\n  - {b: 1, "b": 2}', r"a\.0\.b .* lines 2 and 2"),
        ('{"run": "a",\n"run": "b"}', "run .* 1 and 2"),
        ("a: &x {k: 1}\nb: {<<: *x, k: 2}\nc: {<<: *x, <<: *x}", None),
        ("a: {k: 1}\nb: {k: 1}", None),
        ("", None),
        ("a: [", None),
    ],
)
def test_a_key_that_is_there_twice_is_named_with_its_lines(text, said):
    found = repeated_key(text)
    assert re.search(said, found) if said else found is None


def test_the_scope_of_a_run_is_beside_the_article_config():
    article = merged(CONFIG, read("configs/article.yaml"))
    for key, value in read("workflow/resources/about.yaml")["scope"].values():
        there = article
        for part in key.split("."):
            there = there[part]
        words = ", ".join(map(str, there)) if isinstance(there, list) else there
        assert value == ("all" if words is None else words), key

"""A module of the user's own: trained, frozen, loaded, and refused if it is wrong."""

import numpy as np
import pytest
import torch
from running import ROOT
from test_scripts import TRAINING
from torch import nn

import differentiate_moments
import freeze_network
import train_network
from normscope import analysis, devices, store
from normscope.job import UserError
from normscope.networks import files, modes, variants
from normscope.networks.parameters import trainable

EXAMPLE = f"{ROOT}/examples/my_networks.py"
RESNET, TRANSFORMER = f"{EXAMPLE}:small_resnet", f"{EXAMPLE}:small_transformer"
START = "import torch\nfrom torch import nn\n"
HEAD = "nn.Sequential(nn.Flatten(), nn.Linear(3072, classes))"


@pytest.fixture
def place(tmp_path):
    """Write a file of a user's with this code; return the place of its function."""

    def make(code):
        (tmp_path / "mine.py").write_text(START + code)
        return f"{tmp_path}/mine.py:build"

    return make


@pytest.fixture
def step(job, dataset_file, tmp_path):
    """Run a script of networks for a module called mine, or for a frozen copy of it."""
    dataset = dataset_file()

    def run(script, place, output, params, network="mine"):
        given = {"dataset": dataset, "network": str(tmp_path / "mine.pt")}
        if script is train_network:
            del given["network"]
        if script is differentiate_moments:
            given["network"] = str(tmp_path / f"{network}.pt")
        output = {name: str(tmp_path / path) for name, path in output.items()}
        made = job(script.__name__, given, output, params, seed="0", network=network)
        networks = {"mine": {"module": place}, "frozen": {"freeze": "mine"}}
        made.config = made.config | {"networks": networks}
        script.main(made)
        return made

    return run


@pytest.fixture
def train(step):
    """Train it, and return the path of its network."""

    def make(place, **training):
        params = {
            "network": {"widths": [2, 3], "activation": "softplus"},
            "training": TRAINING | training,
            "variant": {"module": place, "max_lr": 0.1},
        }
        output = {"network": "mine.pt", "training": "training.csv"}
        return step(train_network, place, output, params).output.network

    return make


@pytest.mark.parametrize("place", [RESNET, TRANSFORMER])
def test_the_examples_are_trained_and_loaded(place, train, rng):
    path = train(place)
    network, architecture = files.load(path, 3, place)
    assert architecture.module == place
    again = files.load(train(place), 3, place)[0].state_dict()
    first = network.state_dict()
    assert all(torch.equal(again[name], first[name]) for name in first)
    assert network(torch.randn(4, 3, 32, 32, generator=rng)).shape == (4, 3)


def test_a_file_never_names_the_code_that_is_run(train, place):
    path = train(RESNET)
    with pytest.raises(
        UserError, match=r"holds weights of .*small_resnet, but the conf"
    ):
        files.load(path, 3)
    other = place(f"def build(classes):\n    return {HEAD}\n")
    with pytest.raises(UserError, match=r"small_resnet, but the config names /"):
        files.load(path, 3, other)


def test_a_frozen_module_has_the_statistics_of_the_train_set(step, train, dataset, rng):
    train(RESNET)
    output = {"network": "frozen.pt"}
    made = step(freeze_network, RESNET, output, {"batch_size": 24}, network="frozen")
    made.input.network = made.output.network
    frozen, architecture = analysis.load(made, "frozen", 3)
    assert architecture.frozen
    assert not any(module.training for module in frozen.modules())
    frozen = files.prepare_analysis(frozen, torch.device("cpu"))
    images = torch.randn(4, 3, 32, 32, generator=rng)
    torch.testing.assert_close(frozen(images)[:1], frozen(images[:1]))
    images = dataset.normalised(dataset.train.images)
    values = frozen[1](frozen[0](images))
    assert values.mean().abs() < 0.2
    assert (values.std() - 1).abs() < 0.2


def test_in_the_analysis_batch_norm_is_active_and_dropout_off(place, train, rng):
    code = """
def build(classes):
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(),
        nn.Linear(3600, classes), nn.BatchNorm1d(classes, affine=False),
    )
"""
    mine = place(code)
    path = train(mine)
    network = files.prepare_analysis(files.load(path, 3, mine)[0], torch.device("cpu"))
    images = torch.randn(6, 3, 32, 32, generator=rng)
    outputs = network(images)
    assert torch.equal(network(images), outputs)
    zero, one = torch.zeros(3), torch.ones(3)
    torch.testing.assert_close(outputs.mean(dim=0), zero, rtol=0, atol=1e-5)
    torch.testing.assert_close(outputs.std(dim=0, correction=0), one, rtol=0, atol=1e-2)


def test_training_with_dropout_goes_on_with_the_same_bits(place, train, monkeypatch):
    mine = place(
        f"def build(classes):\n    return nn.Sequential(nn.Dropout(0.5), *{HEAD})\n"
    )
    whole = torch.load(train(mine, epochs=3), weights_only=True)["state_dict"]
    real, calls = modes.accuracies, []

    def killed(*arguments, **options):
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(modes, "accuracies", killed)
        with pytest.raises(KeyboardInterrupt):
            train(mine, epochs=3)
    torch.manual_seed(99)
    resumed = torch.load(train(mine, epochs=3), weights_only=True)["state_dict"]
    assert all(torch.equal(resumed[key], kept) for key, kept in whole.items())


def test_gradients_of_moments_are_by_layer(step, train):
    train(TRANSFORMER)
    output = {"gradients": "moment_gradients.h5"}
    params = {"batch_size": 8, "images": 16}
    made = step(differentiate_moments, TRANSFORMER, output, params)
    arrays, attributes = store.read(made.output.gradients)
    layers = list(attributes["layers"])
    assert layers[:4] == ["token", "places", "patches", "blocks.0.norm1"]
    assert layers[4:6] == ["blocks.0.attention", "blocks.0.norm2"]
    assert layers[-2:] == ["norm", "head"]
    sizes = [shape[shape > 0].prod() for shape in arrays["parameters/shape"]]
    assert np.cumsum(sizes)[-1] == arrays["mean"].shape[1]
    assert [0, *np.cumsum(sizes)[:-1]] == list(arrays["parameters/offset"])


def test_only_trainable_parameters_count():
    layer = nn.Linear(2, 3)
    layer.weight.requires_grad_(False)
    assert list(trainable(layer)) == ["bias"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def other(classes):\n    pass\n", r"mine\.py has no function build"),
        ("raise ValueError('no')\n", r"mine\.py cannot be run: ValueError: no"),
        ("def build():\n    pass\n", r"mine\.py:build cannot be run: TypeError"),
        (
            "def build(classes):\n    return 3\n",
            r"build returns int; let it return a t",
        ),
        (
            "def build(classes):\n    return nn.Flatten()\n",
            r"returns a module without trainable parameters",
        ),
        (
            f"def build(classes):\n    classes += 1\n    return {HEAD}\n",
            r"for 4 images of 3 classes its outputs are \(4, 4\); let them be \(4, 3\)",
        ),
        (
            "def build(classes):\n    return nn.Conv2d(3, classes, 3)\n",
            r"its outputs are \(4, 3, 30, 30\); let them be \(4, 3\)",
        ),
        (
            "def build(classes):\n    return nn.Linear(5, classes)\n",
            r"build fails on images \(4, 3, 32, 32\): RuntimeError",
        ),
        (
            "class Noisy(nn.Linear):\n"
            "    def forward(self, x):\n"
            "        return super().forward(x.flatten(1)) + torch.rand(1)\n"
            "def build(classes):\n    return Noisy(3072, classes)\n",
            r"in evaluation mode it gives other outputs for the same images",
        ),
        (
            "class Mixing(nn.Linear):\n"
            "    def forward(self, x):\n"
            "        x = x.flatten(1)\n"
            "        return super().forward(x - x.mean(0))\n"
            "def build(classes):\n    return Mixing(3072, classes)\n",
            r"the outputs of an image depend on the others of its batch",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(place, train, code, message):
    with pytest.raises(UserError, match=message) as refusal:
        train(place(code))
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    missing = variants.architecture(
        {"module": f"{tmp_path}/none.py:build"}, [], "", classes=3, size=32
    )
    with pytest.raises(UserError, match=r"there is no file .*none\.py"):
        variants.build(missing, torch.Generator())


def test_a_file_may_have_dataclasses_and_import_its_neighbour(place, tmp_path):
    (tmp_path / "neighbour.py").write_text("WIDTH = 4\n")
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from torch import nn\nfrom neighbour import WIDTH\n\n"
        "@dataclass\nclass Sizes:\n    width: int = WIDTH\n\n"
        "def build(classes):\n"
        "    return nn.Sequential(nn.Conv2d(3, Sizes().width, 1), nn.Flatten())\n"
    )
    path = place("")
    (tmp_path / "mine.py").write_text(code)
    described = variants.architecture({"module": path}, [], "", classes=3, size=32)
    assert variants.build(described, torch.Generator())[0].out_channels == 4


def test_freezing_what_has_no_batch_norm_is_refused(step, train):
    train(TRANSFORMER)
    with pytest.raises(UserError, match="no batch norm with running statistics"):
        step(
            freeze_network,
            TRANSFORMER,
            {"network": "f.pt"},
            {"batch_size": 6},
            "frozen",
        )


def test_weights_are_drawn_from_the_seed_alone():
    described = variants.architecture({"module": RESNET}, [], "", classes=3, size=32)
    state = torch.get_rng_state()

    def first(seed):
        network = variants.build(described, devices.generator(seed, "weights"))
        return network[0].weight

    assert torch.equal(first(0), first(0))
    assert not torch.equal(first(0), first(1))
    assert torch.equal(torch.get_rng_state(), state)

"""What the tests share: jobs without Snakemake, small networks, images and folders."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jaxtyping
import numpy as np
import pytest
import torch
from filelock import FileLock
from running import copy_of_the_project, environment_in, hostile, run

from normscope import devices, store
from normscope.curvature.tracing import Tracer
from normscope.images import datasets
from normscope.networks import conv_net, files, losses
from normscope.resume import State

torch.set_num_threads(1)  # small tensors; more threads only get in each other's way

# `make gpu-check` runs its tests where there is nothing but torch and pytest.
with suppress(ModuleNotFoundError):
    from hypothesis import settings

    # The same examples every time; `--hypothesis-profile new` draws new ones.
    settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
    settings.register_profile("new", deadline=None, max_examples=1000)
    settings.load_profile("fixed")

CONFIG = {"run": "test", "device": "cpu", "hessian": {"memory_gb": 1.0}}
KINDS = {
    "no norm": {"norm": "none"},
    "active batch norm": {"norm": "batch"},
    "frozen batch norm": {"norm": "batch", "frozen": True},
    "active batch norm after": {"norm": "batch", "norm_position": "after_activation"},
    "frozen batch norm after": {
        "norm": "batch",
        "norm_position": "after_activation",
        "frozen": True,
    },
    "layer norm": {"norm": "layer"},
    "group norm": {"norm": "group"},
    "relu": {"norm": "batch", "activation": "relu"},
}


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The results of a whole small run, made once for all of pytest's processes, where
    all that users have is in the way. Calls of pytest share it in folder $WHOLE_RUN.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    place = Path(os.environ.get("WHOLE_RUN", place))
    folder, done = place / "my [projects] für x", place / "done"
    directory = folder / "run"
    with FileLock(place / "lock"):
        if not done.exists():
            project = copy_of_the_project(folder / "normscope")
            surroundings = hostile(folder / "packages")
            surroundings["env"]["XDG_CACHE_HOME"] = str(folder / "cache")
            python = environment_in(project)
            # Other threads would give other bits than those of runs that are killed.
            run(directory, "--cores", "2", root=project, python=python, **surroundings)
            done.touch()
    return directory


@pytest.fixture(autouse=True)
def unchecked_tracing(monkeypatch):
    """Symbolic tracing calls networks with what is no tensor, which annotations say."""
    trace = Tracer.trace

    def unchecked(*arguments):
        jaxtyping.config.update("jaxtyping_disable", True)
        try:
            return trace(*arguments)
        finally:
            jaxtyping.config.update("jaxtyping_disable", False)

    monkeypatch.setattr(Tracer, "trace", unchecked)


@pytest.fixture
def job():
    """Make what a script's main gets: named files and params, no Snakemake."""
    from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

    def make(rule, input=None, output=None, params=None, **wildcards):
        return SimpleNamespace(
            rule=rule,
            input=InputFiles(fromdict=input or {}),
            output=OutputFiles(fromdict=output or {}),
            params=Params(fromdict=params or {}),
            wildcards=Wildcards(fromdict=wildcards),
            threads=1,
            config=CONFIG,
        )

    return make


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def state(tmp_path):
    return State(tmp_path / "job.partial", "this test")


@pytest.fixture
def loss():
    return partial(losses.smoothed_cross_entropy, smoothing=0.5)


@pytest.fixture
def tiny(rng):
    """Make a network of 100 to 200 parameters in float64, as it is analysed."""

    def make(classes=3, widths=(2, 3), **kind):
        architecture = conv_net.Architecture(widths=widths, classes=classes, **kind)
        network = conv_net.build(architecture, rng).double()
        for name, statistics in network.named_buffers():
            if "running" in name:
                statistics.uniform_(0.1, 1.5, generator=rng)
        # Outputs of order one, so that the loss is far from its flat start.
        with torch.no_grad():
            network.classifier_conv.weight *= 20
        return files.prepare_analysis(network, torch.device("cpu"))

    return make


@pytest.fixture
def batches(rng):
    """Make float64 batches of random images and labels."""

    def make(count=2, size=6, classes=3):
        return [
            (
                torch.randn(size, 3, 32, 32, generator=rng, dtype=torch.float64),
                torch.randint(classes, (size,), generator=rng),
            )
            for _ in range(count)
        ]

    return make


@pytest.fixture
def dataset_file(tmp_path):
    """Make a dataset.h5 of random images of which the classes differ in brightness."""

    def make(train=24, test=8, classes=3):
        rng = np.random.default_rng(0)
        arrays = {}
        for split, size in (("train", train), ("test", test)):
            labels = np.arange(size) % classes
            images = rng.integers(0, 128, (size, 3, 32, 32), dtype=np.uint8)
            images += (labels * (128 // classes)).astype(np.uint8)[:, None, None, None]
            arrays |= {f"{split}/images": images, f"{split}/labels": labels}
        pixels = arrays["train/images"].transpose(1, 0, 2, 3).reshape(3, -1)
        path = str(tmp_path / "dataset.h5")
        store.write(
            path,
            datasets.LAYOUT,
            arrays,
            {
                "classes": [f"class {label}" for label in range(classes)],
                "mean": pixels.mean(axis=1),
                "std": pixels.std(axis=1),
            },
        )
        return path

    return make


@pytest.fixture
def dataset(dataset_file):
    return datasets.load(dataset_file())


@pytest.fixture
def network_file(tmp_path):
    """Make a network.pt with fresh weights."""

    def make(widths=(2, 3), classes=3, **kind):
        architecture = conv_net.Architecture(
            widths=tuple(widths), classes=classes, **kind
        )
        network = conv_net.build(architecture, devices.generator(0, "weights"))
        path = str(tmp_path / "network.pt")
        files.save(path, network, architecture, {})
        return path

    return make


@pytest.fixture
def image_folder(tmp_path):
    """Make a folder of JPEG pictures, by split and class."""
    from PIL import Image

    def make(classes=("cat", "dog"), train=6, test=4, size=(40, 36)):
        rng = np.random.default_rng(0)
        root = tmp_path / "images"
        for split, count in (("train", train), ("test", test)):
            for number, name in enumerate(classes):
                folder = root / split / name
                folder.mkdir(parents=True)
                for index in range(count):
                    pixels = rng.integers(0, 200, (*size[::-1], 3), dtype=np.uint8)
                    pixels[..., number % 3] += 50
                    Image.fromarray(pixels).save(folder / f"{index}.jpg")
        return root

    return make

"""Each script's main on small files: what it writes, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
import torch

import freeze_network
import prepare_dataset
import train_network
from normscope.images import datasets
from normscope.job import UserError
from normscope.networks.files import load

TRAINING = {
    "batch_size": 6,
    "epochs": 1,
    "peak_epoch": 4,
    "end_epoch": 20,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "smoothing": 0.5,
}


@pytest.fixture
def trained(job, dataset_file, tmp_path):
    """Run train_network with some changes; return what it wrote."""

    def make(max_lr=0.5, training=TRAINING, **sizes):
        output = {
            "network": str(tmp_path / "network.pt"),
            "training": str(tmp_path / "training.csv"),
        }
        params = {
            "network": {"widths": [2, 3], "activation": "softplus"},
            "training": training,
            "variant": {
                "norm": "batch",
                "norm_position": "before_activation",
                "max_lr": max_lr,
            },
        }
        train_network.main(
            job(
                "train_network",
                {"dataset": dataset_file(**sizes)},
                output,
                params,
                seed="0",
                network="mine",
            )
        )
        return output

    return make


@pytest.mark.parametrize(("train", "classes"), [(24, 3), (25, 2), (47, 20)])
def test_training_writes_a_network_and_its_epochs(trained, train, classes):
    written = trained(train=train, classes=classes)
    _, architecture = load(written["network"])
    assert architecture.classes == classes
    table = pd.read_csv(written["training"])
    assert list(table) == [
        "epoch", "learning_rate", "train_loss", "train_accuracy", "test_loss",
        "test_accuracy", "seconds", "train_mode_accuracy", "evaluation_mode_accuracy",
    ]  # fmt: skip
    assert len(table) == 1
    assert np.isfinite(table).all(axis=None)
    assert torch.load(written["network"], weights_only=True)["facts"]["seed"] == "0"


def test_the_same_seed_gives_the_same_bits(trained):
    first = load(trained()["network"])[0].state_dict()
    second = load(trained()["network"])[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_divergence_is_refused_and_logged(trained, tmp_path, capsys):
    with pytest.raises(UserError, match=r"mine diverged.*networks\.mine\.max_lr"):
        trained(max_lr=1e30, training=TRAINING | {"epochs": 9})
    assert "train_loss nan" in capsys.readouterr().out
    assert not (tmp_path / "network.pt").exists()
    assert not (tmp_path / "training.csv").exists()


def test_a_batch_larger_than_the_data_is_refused(trained):
    with pytest.raises(UserError, match=r"training\.batch_size: 25.*24 train images"):
        trained(training=TRAINING | {"batch_size": 25})


def test_a_frozen_network_keeps_the_weights_and_fixes_the_statistics(
    trained, job, tmp_path
):
    path = trained()["network"]
    frozen_path = str(tmp_path / "frozen/network.pt")
    freeze_network.main(
        job(
            "freeze_network",
            {"dataset": str(tmp_path / "dataset.h5"), "network": path},
            {"network": frozen_path},
            {"batch_size": 6},
            seed="0",
            network="frozen",
        )
    )
    (active, _), (frozen, architecture) = (
        load(path),
        load(frozen_path),
    )
    assert architecture.frozen
    assert not frozen.training
    for ours, theirs in zip(frozen.parameters(), active.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    dataset = datasets.load(str(tmp_path / "dataset.h5"))
    images = dataset.normalised(dataset.train.images)
    torch.testing.assert_close(frozen(images)[:1], frozen(images[:1]))
    normalised = frozen.prep_norm(frozen.prep_conv(frozen.input_scale(images)))
    assert normalised.mean().abs() < 0.1
    assert abs(normalised.std() - 1) < 0.1


@pytest.mark.parametrize("name", ["image_folder", "synthetic"])
def test_prepare_dataset_keeps_classes_and_draws_a_balanced_subset(
    job, image_folder, tmp_path, name
):
    settings = {
        "name": name,
        "root": str(image_folder(classes=("cat", "dog", "owl"))),
        "train_size": 12,
        "test_size": 10,
        "seed": 0,
    }
    path = str(tmp_path / "dataset.h5")
    prepare_dataset.main(
        job("prepare_dataset", {}, {"dataset": path}, {"dataset": settings})
    )
    dataset = datasets.load(path)
    counts = torch.bincount(dataset.train.labels, minlength=len(dataset.classes))
    assert (len(dataset.train), len(dataset.test)) == (12, 10)
    assert counts.max() - counts.min() <= 1
    if name == "image_folder":
        assert dataset.classes == ["cat", "dog", "owl"]

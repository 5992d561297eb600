"""Each script's main on small files: what it writes, and what it refuses."""

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

import decompose_hessian
import differentiate_moments
import freeze_network
import measure_overlaps
import prepare_dataset
import train_network
from normscope import store
from normscope.curvature import decomposition
from normscope.curvature.hessian import Projected
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
HESSIAN = {
    "images": 20,
    "batch_size": 10,
    "k": 4,
    "projected_k": 3,
    "tolerance": 1e-3,
    "starts": 2,
    "precision": "float32",
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
        "test_accuracy", "seconds",
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


@pytest.fixture
def analysed(job, dataset_file, network_file, tmp_path):
    """Run the scripts of the curvature part on fresh weights; return their files."""

    def make(hessian=HESSIAN, **kind):
        files = {
            "dataset": dataset_file(),
            "network": network_file(**kind),
            "gradients": str(tmp_path / "moment_gradients.h5"),
        }
        place = {"seed": "0", "network": "mine"}
        differentiate_moments.main(
            job(
                "differentiate_moments",
                files,
                {"gradients": files["gradients"]},
                {"batch_size": 10, "images": 20},
                **place,
            )
        )
        params = {"hessian": hessian, "smoothing": 0.5}
        inputs = dict(files)
        files["hessian"] = str(tmp_path / "hessian.h5")
        files["hessian_projected"] = str(tmp_path / "hessian_projected.h5")
        output = {
            "eigenpairs": files["hessian"],
            "projected": files["hessian_projected"],
        }
        decompose_hessian.main(
            job("decompose_hessian", inputs, output, params, **place)
        )
        files["overlaps"] = str(tmp_path / "overlaps.csv")
        measure_overlaps.main(
            job(
                "measure_overlaps",
                {"eigenpairs": files["hessian"], "gradients": files["gradients"]},
                {"overlaps": files["overlaps"]},
                **place,
            )
        )
        return files

    return make


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_curvature_files_agree_with_one_another(analysed, norm):
    files = analysed(norm=norm)
    gradients, facts = store.read(files["gradients"])
    count = gradients["mean"].shape[1]
    network, _ = load(files["network"])
    assert count == sum(weight.numel() for weight in network.parameters())
    norm_of_all = torch.cat([w.flatten() for w in network.parameters()]).norm()
    assert facts["parameter_norm"] == pytest.approx(norm_of_all.item())
    assert facts["images"] == 20
    ends = gradients["parameters/offset"] + gradients["parameters/shape"].prod(axis=1)
    assert ends.tolist() == [*gradients["parameters/offset"][1:], count]

    pairs, facts = store.read(files["hessian"])
    assert facts["images"] == 20
    assert facts["matvecs"] >= 4
    assert (pairs["residual_norms"] < 1e-3).all()
    assert (np.diff(pairs["eigenvalues"]) <= 0).all()
    np.testing.assert_allclose(np.linalg.norm(pairs["eigenvectors"], axis=1), 1, 1e-5)

    projected, facts = store.read(files["hessian_projected"])
    rows = np.concatenate(
        [gradients[name] for name in ("mean", "variance", "third_moment")]
    )
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert facts["projected_dimensions"] == 9
    assert projected["eigenvectors"].shape == (3, count)
    assert np.abs(projected["eigenvectors"] @ rows.T).max() < 1e-3

    table = pd.read_csv(files["overlaps"])
    assert list(table) == [
        "eigenvector", "eigenvalue", "mean", "variance", "third_moment", "total",
    ]  # fmt: skip
    basis = np.linalg.qr(gradients["mean"].T.astype(float))[0]
    expected = ((pairs["eigenvectors"] @ basis) ** 2).sum(axis=1)
    np.testing.assert_allclose(table["mean"], expected, atol=1e-5)
    everything = np.linalg.qr(rows.T.astype(float))[0]
    expected = ((pairs["eigenvectors"] @ everything) ** 2).sum(axis=1)
    np.testing.assert_allclose(table["total"], expected, atol=1e-4)


def test_a_job_killed_at_its_second_matrix_keeps_the_first(
    analysed, tmp_path, monkeypatch
):
    find, calls = decomposition.leading_eigenpairs, []

    def killed_at_the_second(*arguments):
        calls.append(arguments[0])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return find(*arguments)

    files = analysed(norm="batch")
    expected = {
        name: store.read(files[name])[0] for name in ("hessian", "hessian_projected")
    }
    monkeypatch.setattr(decomposition, "leading_eigenpairs", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        analysed(norm="batch")
    (tmp_path / "hessian.h5").unlink()  # as Snakemake does
    files = analysed(norm="batch")
    assert len(calls) == 3
    assert isinstance(calls[2], Projected)
    for name, arrays in expected.items():
        for key, values in store.read(files[name])[0].items():
            np.testing.assert_array_equal(values, arrays[key])
    assert not list(tmp_path.glob("*.partial"))


def test_files_say_what_made_them(analysed):
    files = analysed(norm="none")
    for name in ("gradients", "hessian", "hessian_projected"):
        with h5py.File(files[name]) as file:
            assert {
                "run", "seed", "network", "rule", "code", "torch", "device",
            } <= set(file.attrs)  # fmt: skip


def test_more_pairs_than_parameters_are_refused(analysed):
    with pytest.raises(UserError, match=r"config key hessian\.k: 9999 eigenpairs of"):
        analysed(hessian=HESSIAN | {"k": 9999})


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

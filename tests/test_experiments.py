"""Stress test, channels, perturbations: what the scripts write."""

from math import inf

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import gaussian_kde
from torch.nn.utils import vector_to_parameters

import differentiate_moments
import perturb_network
import stress_learning_rate
from normscope import store
from normscope.curvature import decomposition
from normscope.images import datasets
from normscope.job import UserError
from normscope.networks import losses
from normscope.networks.conv_net import OUTPUTS
from normscope.networks.files import load, prepare_analysis
from normscope.networks.parameters import flatten
from normscope.outputs.names import MOMENTS

IMAGES = 24  # all train images: one batch for everything
PLACE = {"seed": "0", "network": "mine"}


@pytest.fixture
def stressed(job, dataset_file, tmp_path):
    """Run the stress test from some learning rate; return its table."""

    def make(start, norm="none"):
        path = str(tmp_path / "lr_stress/mine.csv")
        stress_learning_rate.main(
            job(
                "stress_learning_rate",
                {"dataset": dataset_file()},
                {"stress": path},
                {
                    "widths": [2, 3],
                    "training": {
                        "batch_size": 6, "momentum": 0.9, "weight_decay": 1e-4,
                    },
                    "stress": {"epochs": 5, "start": start, "doubling_epochs": 2},
                    "variant": {"norm": norm, "norm_position": "before_activation"},
                },
                **PLACE,
            )
        )  # fmt: skip
        return pd.read_csv(path)

    return make


def test_the_stress_test_runs_to_its_end(stressed):
    table = stressed(0.005)
    assert list(table) == [
        "epoch", "learning_rate", "train_loss", "train_accuracy", "test_loss",
        "test_accuracy", "diverged",
    ]  # fmt: skip
    np.testing.assert_allclose(
        table.learning_rate, 0.005 * 2 ** (table.epoch / 2), rtol=1e-6
    )
    assert len(table) == 5
    assert not table.diverged.any()


def test_a_divergence_is_recorded_and_ends_the_stress_test(stressed):
    table = stressed(1e25)
    assert len(table) < 5
    assert table.diverged.tolist() == [False] * (len(table) - 1) + [True]
    assert not np.isfinite(table.train_loss.iloc[-1])


@pytest.fixture
def perturbed(job, dataset_file, network_file, tmp_path):
    """Measure a network's channels and its steps; return the files."""

    def make(step=0.01, images=IMAGES, **kind):
        files = {
            "dataset": dataset_file(),
            "network": network_file(**kind),
            "gradients": str(tmp_path / "moment_gradients.h5"),
            "eigenpairs": str(tmp_path / "hessian.h5"),
            "channels": str(tmp_path / "channels.h5"),
            "perturbations": str(tmp_path / "perturbations.h5"),
        }
        differentiate_moments.main(
            job(
                "differentiate_moments",
                files,
                {"gradients": files["gradients"]},
                {"batch_size": IMAGES, "images": None},
                **PLACE,
            )
        )
        gradients, _ = store.read(files["gradients"])
        count = gradients["mean"].shape[1]
        vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(count, 3)))[0].T
        store.write(
            files["eigenpairs"],
            decomposition.LAYOUT,
            {
                "eigenvalues": np.ones(3),
                "eigenvectors": vectors.astype(np.float32),
                "residual_norms": np.zeros(3),
            },
            {},
        )
        settings = {"images": images, "step": step, "eigenvectors": 2}
        perturb_network.main(
            job(
                "perturb_network",
                files,
                {name: files[name] for name in ("channels", "perturbations")},
                {
                    "perturbation": settings,
                    "smoothing": 0.5,
                    "random": 20,
                    "widths": [2, 3],
                },
                **PLACE,
            )
        )
        return files

    return make


NORMS = [
    {"norm": "none"},
    {"norm": "batch"},
    {"norm": "batch", "frozen": True},
    {"norm": "layer"},
]


@pytest.mark.parametrize("kind", NORMS)
def test_every_direction_is_stepped_along_both_ways(perturbed, kind):
    files = perturbed(**kind)
    groups = store.group_attributes(files["perturbations"])
    directions = ["random", *(f"random_{i}" for i in range(1, 20))]
    directions += ["eigenvector_1", "eigenvector_2"]
    directions += [f"{moment}_{c}" for moment in MOMENTS for c in range(3)]
    expected = {"none", *directions, *(f"{name}_minus" for name in directions)}
    assert groups.keys() == expected
    arrays, facts = store.read(files["perturbations"])
    assert facts["parameter_norm"] > 0
    assert facts["widths"].tolist() == [2, 3]
    assert facts["loss_floor"] == losses.floor(3, 0.5)
    assert {key for key in arrays if key.endswith("/values")} == {"none/values"}
    for name, values in groups.items():
        assert arrays[f"{name}/predicted_share"].sum() == pytest.approx(1)
        sign = 0 if name == "none" else -1 if name.endswith("_minus") else 1
        assert values["length"] == pytest.approx(sign * 0.01 * facts["parameter_norm"])


@pytest.mark.parametrize("kind", NORMS)
def test_steps_and_channels_are_measured_on_the_same_images(perturbed, kind):
    files = perturbed(**kind)
    before, _ = store.read(files["channels"])
    arrays, _ = store.read(files["perturbations"])
    drawn = {name.split("/")[0] for name in arrays if name.endswith("density")}
    assert drawn == {
        "none", "random", *(f"mean_{c}" for c in range(3)),
        *(f"eigenvector_{i}{sign}" for i in (1, 2) for sign in ("", "_minus")),
    }  # fmt: skip
    unmoved = store.group(arrays, f"none/{OUTPUTS}")
    assert unmoved.keys() == {"mean", "std", "min", "max", "density", "grid"}
    for name, values in unmoved.items():
        np.testing.assert_array_equal(values, before[f"{OUTPUTS}/{name}"])
    moved = store.group(arrays, "mean_0")
    layers = {key.split("/")[0] for key in before}
    assert {key.split("/")[0] for key in moved} == {*layers, "predicted_share"}
    assert not {"predicted_share", "values"} & layers

    network = load(files["network"])[0]
    network = prepare_analysis(network, torch.device("cpu"))
    dataset = datasets.load(files["dataset"])
    ((images, labels),) = datasets.fixed_batches(dataset, 0, IMAGES, IMAGES)
    with torch.no_grad():
        logits = network(images)
    values = store.group_attributes(files["perturbations"])["none"]
    np.testing.assert_allclose(arrays["none/values"], logits, rtol=1e-4, atol=1e-6)
    accuracy = (logits.argmax(dim=1) == labels).float().mean().item()
    assert values["accuracy"] == pytest.approx(accuracy)
    log_p = torch.log_softmax(logits, dim=1)
    loss = torch.nn.functional.nll_loss(log_p, labels) - 0.5 * log_p.mean()
    assert values["loss"] == pytest.approx(loss.item(), rel=1e-5)
    density = arrays[f"none/{OUTPUTS}/density"]
    grid = arrays[f"none/{OUTPUTS}/grid"].astype(float)
    for row, channel in zip(density, logits.double().numpy().T, strict=True):
        exact = gaussian_kde(channel)(grid)
        np.testing.assert_allclose(row, exact, atol=0.01 * exact.max())


@pytest.mark.parametrize("kind", NORMS)
def test_a_small_step_moves_a_mean_by_length_times_gradient(perturbed, kind):
    files = perturbed(step=0.001, **kind)
    gradients, _ = store.read(files["gradients"])
    arrays, _ = store.read(files["perturbations"])
    lengths = store.group_attributes(files["perturbations"])
    means = {name: arrays[f"{name}/{OUTPUTS}/mean"] for name in lengths}
    for output in range(3):
        name = f"mean_{output}"
        norm = np.linalg.norm(gradients["mean"][output])
        shift, back = (
            means[step][output] - means["none"][output]
            for step in (name, f"{name}_minus")
        )
        assert shift == pytest.approx(lengths[name]["length"] * norm, rel=0.25)
        assert back == pytest.approx(-shift, rel=0.25)


@pytest.mark.parametrize("kind", NORMS)
def test_a_second_batch_is_of_other_images(perturbed, loss, kind):
    files = perturbed(images=12, **kind)
    arrays, _ = store.read(files["perturbations"])
    groups = store.group_attributes(files["perturbations"])
    network = prepare_analysis(load(files["network"])[0], torch.device("cpu"))
    batches = datasets.fixed_batches(datasets.load(files["dataset"]), 0, 12)
    for group, (images, labels) in zip(("none", "other_images"), batches, strict=True):
        with torch.no_grad():
            logits = network(images)
        np.testing.assert_allclose(arrays[f"{group}/values"], logits, 1e-4, 1e-6)
        assert groups[group]["loss"] == pytest.approx(loss(logits, labels).item(), 1e-5)
    assert {key for key in arrays if key.endswith("/values")} == {
        "none/values", "other_images/values",
    }  # fmt: skip


@pytest.mark.parametrize("kind", NORMS)
def test_a_step_of_the_critical_length_gives_the_majority(perturbed, kind):
    files = perturbed(**kind)
    lengths = store.read(files["perturbations"])[0]["critical_length"]
    gradients = store.read(files["gradients"])[0]["mean"]
    network = prepare_analysis(load(files["network"])[0], torch.device("cpu"))
    ((images, _),) = datasets.fixed_batches(datasets.load(files["dataset"]), 0, IMAGES)
    start = flatten(network.parameters()).detach()

    @torch.no_grad()
    def share(output, length):
        direction = torch.from_numpy(gradients[output])
        step = length * start.norm() / direction.norm() * direction
        vector_to_parameters(start + step, network.parameters())
        return (network(images).argmax(dim=1) == output).double().mean().item()

    assert np.isfinite(lengths).any()
    for output, length in enumerate(lengths.tolist()):
        if length == inf:
            assert max(share(output, x) for x in (0.01, 0.02, 0.04, 0.08, 0.2)) <= 0.5
        else:
            assert share(output, length) > 0.5
            assert length == 0 or share(output, 0.9 * length) <= 0.5


def test_too_few_images_for_a_batch_are_refused(job, dataset_file, network_file):
    with pytest.raises(
        UserError, match=r"section perturbation: 25 images .*has 24 train"
    ):
        perturb_network.main(
            job(
                "perturb_network",
                {"dataset": dataset_file(), "network": network_file()},
                {"channels": "never.h5", "perturbations": "never.h5"},
                {
                    "perturbation": {"images": 25},
                    "smoothing": 0.5,
                    "random": 20,
                    "widths": [2, 3],
                },
                **PLACE,
            )
        )

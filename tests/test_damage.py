"""Damaged results are refused by name, and numbers that overflow are."""

import re
import shutil
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from test_curvature_scripts import HESSIAN

import decompose_gauss_newton
import decompose_hessian
import decompose_layers
import differentiate_moments
import freeze_network
import measure_overlaps
import perturb_network
import walk_directions
from normscope.job import UserError
from normscope.networks import conv_net, files
from normscope.outputs import moments


@pytest.fixture
def results(finished, tmp_path):
    """A copy of a finished network's files, to be damaged."""
    shutil.copytree(finished / "results/smoke/seed0/batch_norm", tmp_path / "results")
    shutil.copy(finished / "results/smoke/dataset.h5", tmp_path / "results")
    return tmp_path / "results"


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("my notes")


def code_in_a_pickle(path):
    torch.save({"network": Evil(), "state_dict": {}}, path)


def with_nan(path):
    content = torch.load(path, weights_only=True)
    content["state_dict"]["prep_conv.weight"][0] = torch.nan
    torch.save(content, path)


def of_another_architecture(path):
    content = torch.load(path, weights_only=True)
    content["network"]["widths"] = (5, 6)
    torch.save(content, path)


def of_other_classes(path):
    architecture = conv_net.Architecture((2, 3), 4, norm="batch")
    network = conv_net.build(architecture, torch.Generator())
    files.save(str(path), network, architecture, {})


def without_a_dataset(path):
    with h5py.File(path, "a") as file:
        del file[next(iter(file))]


def of_another_run(path):
    """Of other sizes throughout: whole, but of a wider network."""
    with h5py.File(path, "a") as file:
        for name in ("mean", "variance", "third_moment", "eigenvectors"):
            if name in file:
                values, attributes = file[name][()], dict(file[name].attrs)
                del file[name]
                file[name] = np.hstack([values, values])
                file[name].attrs.update(attributes)


PERTURBATION = {"images": 30, "step": 0.01, "eigenvectors": 2}
CURVATURE = {"hessian": HESSIAN, "smoothing": 0.5}
SCRIPTS = {
    freeze_network: {"batch_size": 10},
    differentiate_moments: {"batch_size": 10, "images": None},
    decompose_hessian: CURVATURE,
    decompose_gauss_newton: CURVATURE,
    decompose_layers: CURVATURE,
    perturb_network: {
        "perturbation": PERTURBATION,
        "smoothing": 0.5,
        "random": 2,
        "widths": [2, 3],
    },
    walk_directions: {
        "perturbation": PERTURBATION | {"walk_lengths": [-0.02, 0, 0.02]},
        "smoothing": 0.5,
        "random": 0,
    },
    measure_overlaps: {"batch_size": 10, "images": 20},
}
INPUTS = {
    "dataset": "dataset.h5",
    "network": "network.pt",
    "gradients": "moment_gradients.h5",
    "eigenpairs": "hessian.h5",
}
NETWORK_DAMAGES = (
    cut, empty, text, code_in_a_pickle, with_nan, of_another_architecture,
    of_other_classes,
)  # fmt: skip
STEPS = (perturb_network, walk_directions, measure_overlaps)
READ_PAIRS = (*STEPS, decompose_gauss_newton)
READ_GRADIENTS = (decompose_hessian, *STEPS)
DAMAGES = [
    *product(SCRIPTS, ["network"], NETWORK_DAMAGES),
    *product(SCRIPTS, ["dataset"], (cut, without_a_dataset)),
    *product(READ_GRADIENTS, ["gradients"], (cut, without_a_dataset, of_another_run)),
    *product(
        READ_PAIRS, ["eigenpairs"], (cut, text, without_a_dataset, of_another_run)
    ),
]


@pytest.mark.parametrize(("script", "name", "damage"), DAMAGES)
def test_damaged_results_are_refused_by_name(
    job, results, monkeypatch, script, name, damage
):
    monkeypatch.chdir(results)
    damage(results / INPUTS[name])
    before = sorted(results.iterdir())
    names = (
        "network", "gradients", "eigenpairs", "projected", "channels", "perturbations",
        "overlaps", "off_means", "walks", "layers",
    )  # fmt: skip
    outputs = dict.fromkeys(names, str(results / "new/hessian.h5"))
    inputs = {key: str(results / file) for key, file in INPUTS.items()}
    this = job(
        script.__name__, inputs, outputs, SCRIPTS[script], seed="0", network="mine"
    )
    with pytest.raises(UserError, match=re.escape(INPUTS[name])) as refusal:
        script.main(this)
    assert re.search("delete", str(refusal.value))
    assert "\n" not in str(refusal.value)
    assert sorted(results.iterdir()) == before
    assert not Path("executed").exists()


def test_gradients_that_are_not_finite_are_refused(tiny, batches):
    network = tiny(norm="none")
    with torch.no_grad():
        network.classifier_conv.weight *= 1e300
    with pytest.raises(UserError, match=r"not finite.*lower the .* config key max_lr"):
        moments.moment_gradients(network, batches())


def test_batch_norm_of_constant_channels_has_a_finite_curvature(tiny, batches, loss):
    """A variance of 0 is not divided by."""
    from normscope.curvature.hessian import Hessian

    network = tiny(norm="batch")
    with torch.no_grad():
        network.prep_conv.weight[0] = 0
    hessian = Hessian(network, loss, batches(), 1.0)
    assert hessian(torch.ones(hessian.dimension).double()).isfinite().all()

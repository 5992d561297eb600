"""Every script that computes on a device, on one that is not there: it gives the CPU's
numbers, leaves no tensor behind and moves none of the parameters' size inside a loop.
"""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import KINDS
from pretended_device import DEVICE, PretendedDevice

from normscope import devices, store
from normscope.curvature.hessian import Hessian
from normscope.networks import files

WIDTHS = [2, 24]
LARGEST_WEIGHT = 9 * 24 * 24  # entries, of the last 3 x 3 convolution
NORM = {"norm": "batch", "norm_position": "before_activation"}
OPTIMISER = {"batch_size": 6, "momentum": 0.9, "weight_decay": 1e-4}
TRAINING = OPTIMISER | {
    "epochs": 1, "peak_epoch": 4, "end_epoch": 20, "smoothing": 0.5,
}  # fmt: skip
STRESS = {"epochs": 1, "start": 0.005, "doubling_epochs": 2}
HESSIAN = {
    "images": 12, "batch_size": 6, "k": 2, "projected_k": None, "tolerance": 0.1,
    "starts": 1, "precision": "float32",
}  # fmt: skip
SPECTRUM = {"starts": 1, "steps": 4, "trace_products": 1}
STEPS = {"images": 6, "step": 0.01, "eigenvectors": 1}
WALKS = {"images": 6, "eigenvectors": 1, "walk_lengths": [-0.02, 0, 0.02]}
CONV = NORM | {"frozen": True, "inputs": "images"}
CHAIN = {"depth": 3, "width": 96, "activation": "linear", "layers": [1, 3]}

# By case: the script with its outputs, its params, and those with which its loops are
# longer.
CASES = {
    "train_network": (
        {"network": "network.pt", "training": "training.csv"},
        {
            "network": {"widths": WIDTHS, "activation": "softplus"},
            "training": TRAINING,
            "variant": NORM | {"max_lr": 0.5},
        },
        {"training": TRAINING | {"epochs": 3, "batch_size": 3}},
    ),
    "freeze_network": (
        {"network": "network.pt"},
        {"batch_size": 6},
        {"batch_size": 3},
    ),
    "stress_learning_rate": (
        {"stress": "lr_stress/mine.csv"},
        {"widths": WIDTHS, "training": OPTIMISER, "stress": STRESS, "variant": NORM},
        {"stress": STRESS | {"epochs": 3}},
    ),
    "hold_learning_rates": (
        {"held": "lr_held/mine.csv"},
        {
            "widths": WIDTHS,
            "training": OPTIMISER,
            "held": {"rates": [0.01, 0.1], "steps": 3},
            "variant": NORM,
        },
        {"held": {"rates": [0.01, 0.1], "steps": 20}},
    ),
    "differentiate_moments": (
        {"gradients": "moment_gradients.h5"},
        {"batch_size": 6, "images": None},
        {"batch_size": 3},
    ),
    "decompose_hessian": (
        {
            "eigenpairs": "hessian.h5",
            "projected": "hessian_projected.h5",
            "off_means": "hessian_off_means.h5",
        },
        {"hessian": HESSIAN, "smoothing": 0.5},
        {"hessian": HESSIAN | {"tolerance": 1e-4, "batch_size": 3}},
    ),
    "decompose_gauss_newton": (
        {"eigenpairs": "gauss_newton.h5"},
        {"hessian": HESSIAN, "smoothing": 0.5},
        {"hessian": HESSIAN | {"tolerance": 1e-4, "batch_size": 3}},
    ),
    "decompose_layers": (
        {"layers": "layers.csv"},
        {"hessian": HESSIAN, "smoothing": 0.5},
        {"hessian": HESSIAN | {"tolerance": 1e-4, "batch_size": 3}},
    ),
    "measure_spectrum": (
        {"spectrum": "spectrum.h5"},
        {"hessian": HESSIAN, "smoothing": 0.5, "spectrum": SPECTRUM},
        {"spectrum": SPECTRUM | {"steps": 9}},
    ),
    "measure_overlaps": (
        {"overlaps": "overlaps.csv"},
        {"batch_size": 6, "images": 12},
        {"batch_size": 3},
    ),
    "perturb_network": (
        {"channels": "channels.h5", "perturbations": "perturbations.h5"},
        {"perturbation": STEPS, "smoothing": 0.5, "random": 3, "widths": WIDTHS},
        {"perturbation": STEPS | {"images": 12, "eigenvectors": 2}},
    ),
    "walk_directions": (
        {"walks": "walks.h5"},
        {"perturbation": WALKS, "smoothing": 0.5, "random": 0},
        {"perturbation": WALKS | {"eigenvectors": 2, "walk_lengths": [0, 0.1, 1, 2]}},
    ),
    "measure_initialisation": (
        {"statistics": "seed0/initialisation/mine.h5"},
        {"experiment": CONV, "images": 3, "widths": WIDTHS},
        {"images": 6},
    ),
    "measure_initialisation of a chain": (
        {"statistics": "seed0/initialisation/mine.h5"},
        {"experiment": CHAIN, "images": 3, "widths": []},
        {"images": 6},
    ),
}


@pytest.fixture
def run(job, dataset_file, network_file, tmp_path):
    """Run the main of a case's script in a folder of its own; return its files."""
    inputs = {
        "dataset": dataset_file(train=12),
        "network": network_file(WIDTHS, norm="batch"),
    }

    def make(case, folder, **changes):
        script, (names, params, _) = case.split()[0], CASES[case]
        outputs = {key: str(tmp_path / folder / name) for key, name in names.items()}
        place = {"seed": "0", "network": "mine", "experiment": "mine"}
        import_module(script).main(
            job(script, inputs, outputs, params | changes, **place)
        )
        return outputs

    inputs |= make("differentiate_moments", "made")
    inputs |= make("decompose_hessian", "made")
    inputs["hessian"] = inputs["eigenpairs"]
    inputs["gauss_newton"] = make("decompose_gauss_newton", "made")["eigenpairs"]
    return make


@pytest.fixture
def run_there(run, monkeypatch):
    """The same on the pretended device; what crossed to or from it is returned too."""

    def make(case, folder, **changes):
        with monkeypatch.context() as patch, PretendedDevice() as there:
            patch.setattr(devices, "prepare", lambda name, threads: DEVICE)
            return run(case, folder, **changes), there.moved

    return make


def numbers(path):
    """Every number of a result by its name, but for times."""
    if path.endswith(".csv"):
        found = pd.read_csv(path).to_dict("list")
    elif path.endswith(".pt"):
        found = files.load(path)[0].state_dict()
    else:
        found = dict(zip(("arrays", "attributes"), store.read(path), strict=True))
        found = found["arrays"] | found["attributes"]
        for group, values in store.group_attributes(path).items():
            found |= store.nested(values, group)
    found = {name: np.asarray(value) for name, value in found.items()}
    return {
        name: value
        for name, value in found.items()
        if value.dtype.kind in "fiu" and name != "seconds"
    }


@pytest.mark.parametrize("case", CASES)
def test_a_script_gives_the_numbers_of_the_cpu(case, run, run_there):
    here, (there, moved) = run(case, "here"), run_there(case, "there")
    assert moved
    for name, path in here.items():
        expected, found = numbers(path), numbers(there[name])
        assert expected
        assert expected.keys() == found.keys()
        for key, values in expected.items():
            np.testing.assert_allclose(
                found[key], values, 1e-5, 1e-6 * np.abs(values).max(), err_msg=key
            )


@pytest.mark.parametrize("case", CASES)
def test_longer_loops_move_no_more_parameters(case, run_there):
    _, _, longer = CASES[case]
    moved = [run_there(case, "short")[1], run_there(case, "long", **longer)[1]]
    short, long = (sum(size >= LARGEST_WEIGHT for size in sizes) for sizes in moved)
    assert 0 < short == long


@pytest.mark.parametrize("kind", KINDS)
def test_products_are_those_of_the_cpu(kind, tiny, batches, loss):
    network, data = tiny(**KINDS[kind]), batches()
    vector = torch.ones(sum(w.numel() for w in network.parameters())).double()
    here = Hessian(network, loss, data, 1.0)(vector)
    with PretendedDevice():
        data = [(images.to(DEVICE), labels.to(DEVICE)) for images, labels in data]
        there = Hessian(network.to(DEVICE), loss, data, 1.0)(vector.to(DEVICE)).cpu()
    torch.testing.assert_close(there, here, rtol=1e-9, atol=1e-12)


def test_what_a_gpu_refuses_is_refused():
    here, network = torch.ones(3, 3), torch.nn.Linear(3, 2)
    with PretendedDevice() as device:
        there = here.to(DEVICE)
        assert there.device == DEVICE
        for mixed in (
            lambda: there + here,
            lambda: there.add_(here),
            lambda: torch.add(there, there, out=here),
            lambda: there[torch.tensor([0])],
            lambda: torch.cat([there, here]),
            lambda: network(there),
            lambda: there.normal_(generator=torch.Generator()),
        ):
            with pytest.raises(RuntimeError, match=r"two devices|of the CPU"):
                mixed()
        assert (there + torch.tensor(1.0)).cpu().tolist() == (here + 1).tolist()
        assert device.moved == [9, 9]
        here.copy_(2 * there)
        there[0] = here[0]
        assert there.sum().item() == 12
        assert device.moved == [9, 9, 9, 3, 1]
        network.to(DEVICE)(there).sum().backward()
        assert network.weight.grad.device == DEVICE
    assert type(here) is torch.Tensor

"""Quantities are those of the files, and measures those of the quantities."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from running import ROOT
from test_claims import EXPERIMENTS, VARIANTS

from normscope.networks import conv_net
from normscope.networks.activations import softplus
from normscope.results import (
    curvature,
    descent,
    majorities,
    measures,
    outputs,
    overlaps,
    training,
)
from normscope.results.roles import experiment_roles, network_roles
from normscope.results.runs import Network, Seed, networks_of, read


def test_closed_forms():
    assert descent.growth_on_a_parabola(2.2) == pytest.approx(1.2)
    iterates = descent.iterates(2.2, 2.0, 10)
    assert abs(iterates[-1] / iterates[-2]) == pytest.approx(1.2)
    for momentum in (0.0, 0.5, 0.9):
        limit = descent.stability_limit_with_momentum(momentum)
        expected = 2 * (1 + momentum) / (1 + 2 * momentum)
        assert limit == pytest.approx(expected, rel=1e-6)
    assert training.largest_gap_of_softplus() == pytest.approx(np.log(2) / 10)


def test_nesterov_diverges_just_beyond_its_limit():
    """The optimiser itself, against the formula."""
    torch = pytest.importorskip("torch")
    limit = descent.stability_limit_with_momentum(0.9)
    for factor, grows in ((0.99, False), (1.01, True)):
        x = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
        optimiser = torch.optim.SGD([x], limit * factor, momentum=0.9, nesterov=True)
        for _ in range(2000):
            optimiser.zero_grad()
            (x**2 / 2).sum().backward()
            optimiser.step()
        assert (abs(x.item()) > 1) == grows


@pytest.fixture
def seed(finished, tmp_path):
    """A seed of the finished run, in a copy that a test may damage."""
    folder = tmp_path / "seed0"
    shutil.copytree(finished / "results/smoke/seed0", folder)
    shutil.copy(finished / "results/smoke/dataset.h5", tmp_path)
    read.cache_clear()
    return Seed(
        folder, network_roles(VARIANTS), experiment_roles(EXPERIMENTS), VARIANTS
    )


def test_quantities_are_those_of_the_files(seed):
    mine = seed.folder / "frozen_batch_norm"
    with h5py.File(mine / "hessian.h5") as file:
        frozen = np.abs(file["eigenvalues"][()]).max()
    with h5py.File(seed.folder / "batch_norm/hessian.h5") as file:
        active = np.abs(file["eigenvalues"][()]).max()
    measure = {"ratio": "largest_eigenvalue", "of": "frozen", "to": "batch_norm"}
    assert measures.evaluate(measure, seed) == pytest.approx(frozen / active)
    network = seed.network("frozen")

    with h5py.File(mine / "moment_gradients.h5") as file:
        gradients = file["mean"][()]
        last = file["parameters/offset"][-1]
    share = curvature.last_layer_share(network)
    squares = gradients**2
    expected = (squares[:, last:].sum(axis=1) / squares.sum(axis=1)).mean()
    assert share == pytest.approx(expected, rel=1e-4)

    with h5py.File(mine / "perturbations.h5") as file:
        means = {
            name: file[f"{name}/{conv_net.OUTPUTS}/mean"][()]
            for name in ("none", *(f"mean_{c}" for c in range(10)))
        }
        shares = [file[f"mean_{c}/predicted_share"][c] for c in range(10)]
        losses = [file[f"mean_{c}"].attrs["loss"] for c in range(10)]
        before, values = file["none"].attrs["loss"], file["none/values"][()]
    shifts = [means[f"mean_{c}"][c] - means["none"][c] for c in range(10)]
    shift = np.mean(shifts / values.std(axis=0))
    assert outputs.mean_target_shift(network) == pytest.approx(shift, rel=1e-4)
    majority = np.mean(np.array(shares) > 0.5)
    assert majorities.classes_with_majority(network) == pytest.approx(majority)
    likely, others = 1.05 / 1.5, 0.05 / 1.5  # smoothing 0.5, ten classes
    floor = -1.5 * (likely * np.log(likely) + 9 * others * np.log(others))
    excess = (np.mean(losses) - floor) / (before - floor)
    assert outputs.excess_loss_ratio(network) == pytest.approx(excess, rel=1e-4)

    table = pd.read_csv(mine / "overlaps.csv")
    overlap = overlaps.leading_overlap(network, "total")
    assert overlap == pytest.approx(table.total[:10].mean())
    accuracy = pd.read_csv(seed.folder / "batch_norm/training.csv").train_accuracy
    assert training.train_accuracy(seed.network("batch_norm")) == accuracy.iloc[-1]
    assert outputs.distance_of_outputs(network, network) == 0


def test_softplus_is_the_networks(rng):
    inputs = np.linspace(-2, 2, 4001)
    torch = pytest.importorskip("torch")
    outputs = softplus.build()(torch.from_numpy(inputs)).numpy()
    gap = (outputs - np.maximum(inputs, 0)).max()
    assert training.largest_gap_of_softplus() == pytest.approx(gap)


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ({"measure": "plain", "network": "b"}, 8.0),
        ({"ratio": "plain", "of": "a", "to": "b"}, 0.25),
        ({"ratio": ["plain", "nothing"], "of": "a", "to": "b"}, np.inf),
        ({"ratio": "nothing", "of": "a", "to": "b"}, np.nan),
        ({"ratio": ["double", "plain"], "of": "a", "to": "b"}, 0.5),
        ({"ratio": ["double", "plain"], "network": "b"}, 2.0),
        ({"difference": "plain", "of": "b", "over": "a"}, 6.0),
        ({"ratio": "power", "network": "a", "of": 3, "to": 1}, 4.0),
        ({"ratio": "power", "exponent": 2, "of": "b", "to": "a"}, 16.0),
        ({"log_distance_ratio": "plain", "of": "b", "near": "c", "far": "a"}, 0.5),
        ({"measure": "several", "network": "a", "take": "largest"}, 6.0),
        ({"measure": "several", "network": "a", "take": "smallest"}, 2.0),
        ({"measure": "several", "network": "a", "take": "mean"}, 4.0),
        ({"ratio": "several", "of": "b", "to": "a", "take": "smallest"}, 4.0),
        ({"measure": "lead", "network": "b", "over": "a"}, 6.0),
    ],
)
def test_measures_are_of_the_quantities_that_they_name(monkeypatch, measure, value):
    size = {"a": 2.0, "b": 8.0, "c": 16.0}

    def plain(network: Network) -> float:
        return size[network.name]

    def double(network: Network) -> float:
        return 2 * size[network.name]

    def power(network: Network, exponent: int) -> float:
        return size[network.name] ** exponent

    def several(network: Network) -> np.ndarray:
        return size[network.name] * np.arange(1, 4)

    def lead(network: Network, over: Network) -> float:
        return size[network.name] - size[over.name]

    def nothing(network: Network) -> float:
        return 0.0

    quantities = (plain, double, power, several, lead, nothing)
    functions = {function.__name__: function for function in quantities}
    monkeypatch.setattr(measures, "QUANTITIES", functions)
    roles = {name: name for name in size}
    found = measures.evaluate(measure, Seed(ROOT, roles, {}, {}))
    assert found == pytest.approx(value, nan_ok=True)


def test_results_are_placed_by_their_folders():
    for path in ("run/seed12/my-net/hessian.h5", "run/seed12/lr_stress/my-net.csv"):
        (network,) = networks_of([path])
        assert (network.seed, network.name) == (12, "my-net")
        assert network.stress_file() == "run/seed12/lr_stress/my-net.csv"

"""Verdicts follow from numbers: each can flip, and none is given without a number."""

import shutil
from math import inf, nan

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT

import judge_claims
from normscope.claims import verdicts
from normscope.networks import conv_net
from normscope.networks.activations import softplus
from normscope.results import (
    curvature,
    descent,
    measures,
    outputs,
    overlaps,
    training,
)
from normscope.results.roles import experiment_roles, network_roles
from normscope.results.runs import Missing, Network, Seed, networks_of, read

CLAIMS = yaml.safe_load((ROOT / "workflow/resources/claims.yaml").read_text())
SECTIONS = yaml.safe_load((ROOT / "workflow/resources/figures.yaml").read_text())[
    "sections"
]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
TESTED = """
    C3 C5 C6 C11 C12 C14 C15 C16 C17 C18 C20 C21 C22 C23 C26 C28 C29 C30 C33 C34 C35
    C37 C38 C40 C41 C42 C43 C44 C45 C46 C47 C48 C49 C50 C52 C53 C57 C58 C60 C61 C62
    C63 C64a C65 C66 C67 C68 C69 C70 C71 C72 C73 C74 C75 C76 C77
""".split()  # noqa: SIM905
VARIANTS = {
    name: {"norm_position": "before_activation"} | variant
    for name, variant in CONFIG["networks"].items()
}
EXPERIMENTS = {
    name: {"norm_position": "before_activation", "frozen": False} | experiment
    for name, experiment in CONFIG["initialisation"]["experiments"].items()
}


NOTHING = Seed(ROOT, {}, {}, {})  # of a run without networks


def test_every_tested_claim_has_its_row():
    assert [claim["id"] for claim in CLAIMS] == TESTED


@pytest.mark.parametrize("claim", CLAIMS, ids=TESTED)
def test_a_claim_says_what_is_measured_and_when_it_holds(claim):
    assert claim["measures"]
    for measure in claim["measures"]:
        assert {"at_least", "at_most"} & measure.keys()
        (kind,) = measure.keys() & set(measures.KINDS)
        names = measure[kind]
        for name in [names] if isinstance(names, str) else names:
            assert measures.QUANTITIES[name].__doc__
        if "article" in measure:
            assert isinstance(measure["article"], int | float)


def test_networks_and_experiments_have_their_roles():
    assert network_roles(VARIANTS) == {
        "batch_norm": "batch_norm",
        "frozen": "frozen_batch_norm",
        "none": "no_batch_norm",
        "post": "post_batch_norm",
        "frozen_post": "frozen_post_batch_norm",
    }
    assert experiment_roles(EXPERIMENTS) == {
        "relu": "relu_chain",
        "linear": "linear_chain",
        "scaled": "scaled_relu_chain",
        "noise": "no_norm_gaussian",
        "images": "no_norm_images",
        "batch": "batch_norm_images",
        "fixed": "frozen_batch_norm_images",
    }
    layers = {"mine": {"norm": "layer", "norm_position": "before_activation"}}
    assert network_roles(layers) == {}
    twice = {"a": VARIANTS["batch_norm"], "b": VARIANTS["batch_norm"]}
    assert network_roles(twice) == {"batch_norm": "a"}


@pytest.fixture
def told(monkeypatch):
    """Judge one claim whose measure gives these values, one per seed."""

    def make(*values, **criterion):
        rest = iter(values)

        def made_up():
            value = next(rest)
            if isinstance(value, Exception):
                raise value
            return value

        monkeypatch.setattr(measures, "QUANTITIES", {"made_up": made_up})
        claim = {
            "id": "C0", "section": "", "claim": "", "figures": [],
            "measures": [{"measure": "made_up", "article": 2, **criterion}],
        }  # fmt: skip
        return verdicts.judge(claim, [NOTHING] * len(values))

    return make


@pytest.mark.parametrize(
    ("criterion", "verdict"),
    [
        ({"at_least": 3}, "holds"),
        ({"at_least": 3.1}, "differs"),
        ({"at_most": 3}, "holds"),
        ({"at_most": 2.9}, "differs"),
        ({"at_least": 1, "at_most": 4}, "holds"),
        ({"at_least": 4, "at_most": 5}, "differs"),
    ],
)
def test_a_verdict_is_of_the_median_and_the_criterion(told, criterion, verdict):
    row = told(1.0, 3.0, 9.0, **criterion)
    assert row["verdict"] == verdict
    assert row["measured"] == "3 (1 to 9)"
    assert row["per_seed"] == "1 3 9"
    assert row["article"] == "2"
    assert "made up: " in row["reason"] or verdict == row["verdict"]


def test_seeds_that_disagree_are_counted(told):
    assert told(1.0, 3.0, 9.0, at_least=2)["reason"] == "made up: 2 of 3 seeds"
    assert told(3.0, 9.0, at_least=2)["reason"] == ""


@pytest.mark.parametrize("value", [nan, inf, Missing("no such network")])
def test_what_is_missing_or_not_finite_never_holds(told, value):
    row = told(5.0, value, at_least=-inf)
    assert row["verdict"] == "not measured"
    assert row["reason"]


def test_one_measure_that_fails_is_enough(told):
    claim = {
        "id": "C0", "section": "", "claim": "", "figures": [],
        "measures": [
            {"measure": "growth_on_a_parabola", "rate": 2.2, "at_least": 1.19},
            {"measure": "growth_on_a_parabola", "rate": 2.2, "at_most": 1.0},
        ],
    }  # fmt: skip
    assert verdicts.judge(claim, [NOTHING])["verdict"] == "differs"
    claim["measures"][1] = {"measure": "train_accuracy", "network": "x", "at_least": 0}
    assert verdicts.judge(claim, [NOTHING])["verdict"] == "not measured"


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
        gradient = file["mean"][0]
        last = file["parameters/offset"][-1]
    share = curvature.last_layer_share(network)
    expected = (gradient[last:] ** 2).sum() / (gradient**2).sum()
    assert share == pytest.approx(expected, rel=1e-4)

    with h5py.File(mine / "perturbations.h5") as file:
        means = {
            name: file[f"{name}/{conv_net.OUTPUTS}/mean"][()]
            for name in ("none", *(f"mean_{c}" for c in range(10)))
        }
        shares = [file[f"mean_{c}/predicted_share"][c] for c in range(10)]
        losses = [file[f"mean_{c}"].attrs["loss"] for c in range(10)]
        before = file["none"].attrs["loss"]
    shifts = [means[f"mean_{c}"][c] - means["none"][c] for c in range(10)]
    assert outputs.mean_target_shift(network) == pytest.approx(np.mean(shifts))
    majority = np.mean(np.array(shares) > 0.5)
    assert outputs.classes_with_majority(network) == pytest.approx(majority)
    loss_ratio = outputs.loss_ratio_after_step(network)
    assert loss_ratio == pytest.approx(np.mean(losses) / before)

    table = pd.read_csv(mine / "overlaps.csv")
    overlap = overlaps.leading_overlap(network, "total")
    assert overlap == pytest.approx(table.total[:10].mean())
    accuracy = pd.read_csv(seed.folder / "batch_norm/training.csv").train_accuracy
    assert training.train_accuracy(seed.network("batch_norm")) == accuracy.iloc[-1]
    assert outputs.distance_of_outputs(network, network) == 0


def test_a_corrupted_number_changes_the_verdict(seed):
    claim = {
        **next(claim for claim in CLAIMS if claim["id"] == "C47"),
        "measures": [
            {
                "ratio": "squared_gradient", "of": "frozen", "to": "batch_norm",
                "at_most": 1e4,
            }
        ],
    }  # fmt: skip
    assert verdicts.judge(claim, [seed])["verdict"] == "holds"
    path = seed.folder / "frozen_batch_norm/moment_gradients.h5"
    for value, verdict in ((1e6, "differs"), (nan, "not measured")):
        with h5py.File(path, "a") as file:
            file["mean"][0, 0] = value
        read.cache_clear()
        assert verdicts.judge(claim, [seed])["verdict"] == verdict


def test_every_claim_of_a_whole_run_is_measured_or_says_why(finished):
    table = pd.read_csv(finished / "results/smoke/claims.csv", keep_default_na=False)
    assert list(table) == list(verdicts.COLUMNS)
    assert list(table.id) == TESTED
    unmeasured = table[table.verdict == "not measured"]
    assert (unmeasured.reason != "").all()
    assert set(table.verdict) <= {"holds", "differs", "not measured"}
    assert len(unmeasured) < len(table) / 3


def test_a_run_without_the_articles_networks_is_judged(job, dataset_file, tmp_path):
    output = {
        "csv": str(tmp_path / "claims.csv"),
        "html": str(tmp_path / "claims.html"),
    }
    judge_claims.main(
        job(
            "judge_claims",
            {"dataset": dataset_file()},
            output,
            {
                "claims": CLAIMS,
                "sections": SECTIONS,
                "seeds": [0],
                "networks": {},
                "experiments": {},
            },
        )
    )
    table = pd.read_csv(output["csv"], keep_default_na=False)
    held = table[table.verdict == "holds"]
    assert set(held.id) == {"C33", "C57", "C58"}  # those of no network
    assert (table[table.verdict != "holds"].verdict == "not measured").all()
    assert "no network of this run is" in table.reason.iloc[1]


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

    functions = {f.__name__: f for f in (plain, double, power, several, lead)}
    monkeypatch.setattr(measures, "QUANTITIES", functions)
    roles = {name: name for name in size}
    found = measures.evaluate(measure, Seed(ROOT, roles, {}, {}))
    assert found == pytest.approx(value)


def test_results_are_placed_by_their_folders():
    for path in ("run/seed12/my-net/hessian.h5", "run/seed12/lr_stress/my-net.csv"):
        (network,) = networks_of([path])
        assert (network.seed, network.name) == (12, "my-net")
        assert network.stress_file() == "run/seed12/lr_stress/my-net.csv"

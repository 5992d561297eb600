"""The criteria of claims that the article left open: each bound, from either side, by
results made by hand.
"""

import numpy as np
import pandas as pd
import pytest
from path_files import csv, path_overlaps, training_path
from test_claims import CLAIMS

from normscope import store
from normscope.claims import verdicts
from normscope.curvature import decomposition
from normscope.results import breaking, interventions, measures, paths, runs
from normscope.results.runs import Missing, Network, Seed

MINE = [claim for claim in CLAIMS if claim["section"] == "breaks"]
ROLES = (
    "batch_norm", "frozen", "none", "post", "frozen_post", "batch_norm_low_rate",
)  # fmt: skip
NORM, STEP = 4.0, 0.01


@pytest.fixture
def seed(tmp_path):
    runs.read.cache_clear()
    runs.read_groups.cache_clear()
    return Seed(tmp_path / "seed1", {role: role for role in ROLES}, {}, {})


def perturbations(folder, along="random", rise=0.0):
    groups = {
        name: {"loss": 1.0, "accuracy": 0.5, "length": NORM * STEP}
        for name in ("none", "mean_0", "mean_0_minus", "mean_1", "mean_1_minus",
                     "eigenvector_1", "eigenvector_1_minus")
    }  # fmt: skip
    for name in groups:
        if name.startswith(along):
            # A slope, which a second difference does not see.
            groups[name]["loss"] += rise / 2 + (0.3 if "minus" in name else -0.3)
    groups["none"]["length"] = 0.0
    arrays = {f"{name}/predicted_share": np.array([0.5, 0.5]) for name in groups}
    store.write(
        str(folder / "perturbations.h5"),
        {"*/predicted_share": ("K", "shares")},
        arrays,
        {"parameter_norm": NORM},
        groups,
    )


def eigenvalues(folder, value):
    pairs = {
        "eigenvalues": np.array([value, -value / 2]),
        "eigenvectors": np.eye(2, 3),
        "residual_norms": np.zeros(2),
    }
    store.write(str(folder / "hessian.h5"), decomposition.LAYOUT, pairs, {})
    layout = {"mean": ("K P", "gradients")}
    about = {"parameter_norm": NORM}
    path = str(folder / "moment_gradients.h5")
    store.write(path, layout, {"mean": np.ones((2, 3))}, about)


def stability(folder, **rates):
    """Onsets and predictions by what is removed; 1 if they are not given."""
    names = ["none", "none_small_batches", "mean_fixed", "all_fixed", "placebo_fixed"]
    rows = [
        {"removed": name, "lambda_1": 1.0}
        | dict(zip(("predicted", "onset"), rates.get(name, (1.0, 1.0)), strict=True))
        | {"breaking": 9.0}
        for name in names
    ]
    csv(folder, "stability.csv", rows)


def trained_on(folder, curvature=9.0, mean=9.0):
    """Curvature rises at 0.3 of the limit, to its end; less or more at others."""
    ends = {0.1: 1.2, 0.3: curvature, 1: 100.0}
    rows = [
        {"factor": factor, "learning_rate": 1.0, "step": step, "loss": 1.0,
         "lambda_1": 2.0 * (end if step else 1), "mean_gradient": 1.0,
         "inner_mean": 0.1 * (mean if step else 1)}
        for factor, end in ends.items()
        for step in (0, 3)
    ]  # fmt: skip
    csv(folder, "train_on.csv", pd.DataFrame(rows)[list(interventions.ON)])


def watched(folder, product=1.0, cosine=0.1, harmless=0.5, limit=3.8 / 2.8):
    """Ten looks every 32 steps, and one just before the break at step 400; of ten
    crossings that share is early.
    """
    early = [
        {"step": 32 * place, "learning_rate": 0.5, "lambda_1": 2.0 * (3 if over else 1),
         "update_cosine": 0.9}
        for place in range(10)
        for over in [place < 10 * harmless]
    ]  # fmt: skip
    late = [
        {"step": step, "learning_rate": 0.5, "lambda_1": value, "update_cosine": cosine}
        for step, value in [(352, 2 * product), (396, 2 * product)]
    ]
    table = pd.DataFrame(early + late).assign(broken_at=400, loss=1.0, limit=limit)
    csv(folder, "stress_watch.csv", table[list(interventions.WATCH)])


def centring(folder, **ratios):
    rows = [
        {"inputs": inputs}
        | {
            name: value if inputs == "as they are" else 1.0
            for name in ("lambda_1", "inner_gradient", "last_gradient")
            for value in [ratios.get(name, 1.0)]
        }
        for inputs in ("as they are", "centred")
    ]
    csv(folder, "centring.csv", rows)


def scaled(folder, move=0.1, error=0.0):
    """Three layers; the last is far from normal, and its slope does not count."""
    rows = [
        {"layer": name, "kurtosis": kurtosis, "rise": 0.1, "fall": -0.1, "slope": slope}
        for name, kurtosis, slope in [
            ("a", 3.1, 0.39894), ("b", 3.9, 0.39894 * (1 - error)), ("c", 5.0, 9.0),
        ]
    ]  # fmt: skip
    rows[2]["fall"] = -move
    csv(folder, "scaling.csv", rows)


def moment_steps(folder, measure, **values):
    rows = [
        {"moment": moment, "class": number}
        | {"squared_gradient": 1.0, "loss_rise": 1.0}
        | (values if moment == measure["moment"] else {})
        for moment in ("variance", "third_moment")
        for number in range(3)
    ]
    csv(folder, "moment_steps.csv", rows)
    perturbations(folder)


def held(folder, name, loss):
    rows = [
        {"learning_rate": rate, "train_loss": value, "train_accuracy": 0.5,
         "diverged": diverged}
        for rate, value, diverged in [
            (0.1, loss + 0.3, False), (0.2, loss, False), (0.3, np.inf, True),
        ]
    ]  # fmt: skip
    csv(folder, name, rows)


# How to make results of which a quantity has a value.
SET = {
    "critical_lengths_on_the_way": lambda f, v, m: training_path(f, critical_length=v),
    "curvature_at": lambda f, v, m: training_path(f, lambda_1=[1, 1, 1, 1, 1, -v]),
    "projected_curvature_at": lambda f, v, m: training_path(
        f, projected_lambda_1=[np.nan] * 5 + [-v]
    ),
    "growth_of_curvature": lambda f, v, m: training_path(
        f, lambda_1=[9, 9, 9, 9, 2, 2 * v]
    ),
    "layer_scaled_gradient": lambda f, v, m: training_path(
        f, layer_scaled_gradient=[9, 9, 9, 9, v, 9]
    ),
    "overlaps_at": lambda f, v, m: path_overlaps(f, m["column"], v),
    "leads_over_placebo_at": lambda f, v, m: path_overlaps(f, m["column"], v + 0.1),
    "curvature_along_means": lambda f, v, m: perturbations(f, "mean", v * STEP**2),
    "curvature_along_steepest": lambda f, v, m: perturbations(
        f, "eigenvector", v * STEP**2
    ),
    "largest_eigenvalue": lambda f, v, m: eigenvalues(f, v),
    "scaled_largest_eigenvalue": lambda f, v, m: eigenvalues(f, v / NORM**2),
    "inner_gradient_by_centring": lambda f, v, m: centring(f, inner_gradient=v),
    "curvature_by_centring": lambda f, v, m: centring(f, lambda_1=v),
    "curvature_rise_below_limit": lambda f, v, m: trained_on(f, curvature=v),
    "mean_rise_below_limit": lambda f, v, m: trained_on(f, mean=v),
    "signed_moves": lambda f, v, m: scaled(f, move=v),
    "slope_errors": lambda f, v, m: scaled(f, error=v),
    "onset": lambda f, v, m: stability(f, none=(1.0, v)),
    "onset_to_predicted": lambda f, v, m: stability(f, none=(2.0, 2 * v)),
    "onset_with_small_batches_to_predicted": lambda f, v, m: stability(
        f, none_small_batches=(2.0, 2 * v)
    ),
    "gain_to_predicted": lambda f, v, m: stability(
        f, none=(2.0, 2.0), **{f"{m['removed']}_fixed": (6.0, 6 * v)}
    ),
    "part_of_gain": lambda f, v, m: stability(
        f, all_fixed=(1.0, 8.0), **{f"{m['removed']}_fixed": (1.0, 8**v)}
    ),
    "rate_times_curvature_before_break": lambda f, v, m: watched(f, product=v),
    "update_cosine_before_break": lambda f, v, m: watched(f, cosine=v),
    "loss_rise_off_means": lambda f, v, m: moment_steps(f, m, loss_rise=v),
    "squared_gradient_off_means": lambda f, v, m: moment_steps(
        f, m, squared_gradient=v / NORM**2
    ),
    "lowest_held_loss": lambda f, v, m: held(
        f.parent, f"lr_held/{f.name}.csv", 2.0 + v
    ),
    "lowest_second_order_loss": lambda f, v, m: held(f, "second_order.csv", 1.0 + v),
}


def made(seed, measure, value):
    """What the measure finds where its first quantity has that value, and the second,
    where it has one, 1.
    """
    kind = next(kind for kind in measures.KINDS if kind in measure)
    names = measure[kind]
    first, last = [names, names] if isinstance(names, str) else names
    places = {"ratio": ("of", "to"), "difference": ("of", "over")}.get(kind)
    of_one = "network" in measure
    owners = [measure["network"]] if of_one else [measure[p] for p in places]
    for name, owner, of in zip((first, last), owners, (value, 1.0), strict=False):
        folder = seed.folder / owner
        folder.mkdir(parents=True, exist_ok=True)
        SET[name](folder, of, measure)
    asked = {k: v for k, v in measure.items() if k not in ("at_least", "at_most")}
    runs.read.cache_clear()
    runs.read_groups.cache_clear()
    return measures.evaluate(asked, seed)


BOUNDS = [
    (claim["id"], measure, bound)
    for claim in MINE
    for measure in claim["measures"]
    for bound in ("at_least", "at_most")
    if bound in measure and measure.get("measure") != "harmless_crossings"
]


@pytest.mark.parametrize(
    ("name", "measure", "bound"), BOUNDS, ids=[f"{n}-{b}" for n, _, b in BOUNDS]
)
def test_each_bound_is_met_from_one_side_alone(seed, name, measure, bound):
    value, inwards = measure[bound], 1 if bound == "at_least" else -1
    shift = 0.02 * abs(value) or 0.02
    inside = made(seed, measure, value + inwards * shift)
    assert verdicts.meets(inside, measure)
    outside = made(seed, measure, value - inwards * shift)
    assert not verdicts.meets(outside, measure)
    assert outside == pytest.approx(value - inwards * shift, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(("harmless", "holds"), [(0.3, True), (0, False)])
def test_crossings_are_counted_evenly(seed, harmless, holds):
    """Late looks are every four steps, and of these one in eight counts."""
    watched(seed.folder / "none", product=1.5, harmless=harmless)
    found = interventions.harmless_crossings(Network(seed.folder / "none"))
    assert found == pytest.approx(10 * harmless / (10 * harmless + 1))
    (measure,) = next(c for c in MINE if c["id"] == "C59b")["measures"]
    assert verdicts.meets(found, measure) == holds
    for never in ({"product": 1.0, "harmless": 0}, {"product": 1.5, "limit": 3.8}):
        watched(seed.folder / "none", **never)
        with pytest.raises(Missing, match="never crosses"):
            interventions.harmless_crossings(Network(seed.folder / "none"))


def test_a_stress_test_that_does_not_break_has_no_last_steps(seed):
    watched(seed.folder / "none", product=1.5)
    path = seed.folder / "none/stress_watch.csv"
    pd.read_csv(path).assign(broken_at=np.inf).to_csv(path, index=False)
    network = Network(seed.folder / "none")
    with pytest.raises(Missing, match="does not break away"):
        interventions.update_cosine_before_break(network)
    assert interventions.harmless_crossings(network) == 1


def test_what_cannot_be_said_is_missing(seed):
    folder = seed.folder / "none"
    network = Network(folder)
    with pytest.raises(Missing, match=r"no stability\.csv of none"):
        breaking.onset(network)
    stability(folder, mean_fixed=(1.0, 2.0))
    with pytest.raises(Missing, match="the onset is no higher"):
        breaking.part_of_gain(network, "mean")
    csv(
        folder,
        "stability.csv",
        [dict.fromkeys(breaking.STABILITY, 1.0) | {"removed": "none"}],
    )
    with pytest.raises(Missing, match="nothing was taken off"):
        breaking.gain_to_predicted(network, "all")
    training_path(folder)
    with pytest.raises(Missing, match="has no epoch 3"):
        paths.curvature_at(network, 3)
    training_path(folder, projected_lambda_1=[np.nan] * 5 + [1.0])
    with pytest.raises(Missing, match="epoch 10 is not the last"):
        paths.projected_curvature_at(network, 10)
    path_overlaps(folder, "mean", 0.5)
    with pytest.raises(Missing, match="has no epoch 3"):
        paths.overlaps_at(network, 3, "mean")
    trained_on(folder, curvature=2.9)
    with pytest.raises(Missing, match="never triples"):
        interventions.mean_rise_below_limit(network)
    assert breaking.breaking_to_predicted(network) == 1

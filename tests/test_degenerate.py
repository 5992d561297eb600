"""No criterion passes for whatever it is given: swapped networks, constant outputs."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from test_claims import CHAINS, CLAIMS, NETWORKS, VARIANTS

from normscope.claims import verdicts
from normscope.results.runs import Chains, Seed, read

# Of what the run measures; tests/test_open_claims.py has the others.
CLAIMS = [claim for claim in CLAIMS if claim["section"] != "breaks"]
DEEP = ("relu", "linear", "scaled")
CONV = ("noise", "images", "batch", "fixed")
SETTINGS = {name: {"max_lr": 0.5} | variant for name, variant in VARIANTS.items()}
# In the deaf run: after which eigenvalue the gap is, and how large.
GAPS = {"no_batch_norm": (1, 5), "frozen_batch_norm": (5, 2)}
# Each network in the others' place.
SWAPPED = {
    "batch_norm": "frozen",
    "frozen": "batch_norm",
    "none": "batch_norm",
    "post": "none",
    "frozen_post": "none",
    "batch_norm_low_rate": "none",
}


@pytest.fixture(scope="module")
def run(finished, tmp_path_factory):
    """A copy of the finished run, in which every network has all files."""
    folder = tmp_path_factory.mktemp("degenerate") / "run"
    shutil.copytree(finished / "results/smoke", folder)
    seed = folder / "seed0"
    for name in VARIANTS:
        for place in (f"lr_held/{name}.csv", f"{name}/training.csv"):
            path = seed / place
            if not path.exists():
                shutil.copy(str(path).replace(name, "batch_norm"), path)
    return folder


@pytest.fixture(scope="module")
def dead(run):
    """The same run if no network had learnt anything, and every step were as bad."""
    folder = run.parent / "dead"
    shutil.copytree(run, folder)
    for path in folder.rglob("training.csv"):
        table = pd.read_csv(path)
        for column in table.columns[table.columns.str.contains("accuracy")]:
            table[column] = 0.1
        table.to_csv(path, index=False)
    for number, path in enumerate(sorted(folder.rglob("perturbations.h5"))):
        kill(path, 10 * number)
    for path in folder.rglob("overlaps.csv"):
        table = pd.read_csv(path)
        table[table.columns[2:]] = 0.01
        table.to_csv(path, index=False)
    for path in folder.rglob("hessian*.h5"):
        with h5py.File(path, "a") as file:
            file["eigenvalues"][...] = 1.0
    for path in folder.rglob("initialisation/*.h5"):
        with h5py.File(path, "a") as file:
            for layer in file.values():
                if "mean" in layer:
                    layer["mean"][...] += 1
    return folder


def kill(path, place):
    """All images of one class, outputs that are noise around a place, and no accuracy
    after any step.
    """
    rng = np.random.default_rng(0)
    with h5py.File(path, "a") as file:
        one = np.eye(len(file["none/predicted_share"]))[0]
        for name, group in groups(file):
            group["predicted_share"][...] = one
            if "values" in group:
                group["values"][...] = rng.normal(place, size=group["values"].shape)
            if name != "none":
                group.attrs["accuracy"] = 0.0
                group.attrs["loss"] = 2 * group.attrs["loss"]
                for _, layer in groups(group):
                    layer["mean"][...] += rng.normal(size=len(layer["mean"]))
        file["critical_length"][...] = 0.01


def groups(file):
    return [(name, g) for name, g in file.items() if isinstance(g, h5py.Group)]


@pytest.fixture(scope="module")
def deaf(run):
    """The same run if no step did anything, and all that the article finds in the
    spectrum were the other way round.
    """
    folder = run.parent / "deaf"
    shutil.copytree(run, folder)
    for path in folder.rglob("perturbations.h5"):
        with h5py.File(path, "a") as file:
            file.attrs["widths"] = [64, 128, 256, 512]
            share = file["none/predicted_share"]
            share[...] = 1 / len(share)
            file["critical_length"][...] = np.inf
            for _, group in groups(file):
                group["predicted_share"][...] = share
                for name in ("loss", "accuracy"):
                    group.attrs[name] = file["none"].attrs[name]
                for layer, values in groups(group):
                    values["mean"][...] = (
                        file[f"none/{layer}/mean"] if (layer in file["none"]) else 0
                    )
    for path in folder.rglob("moment_gradients.h5"):
        with h5py.File(path, "a") as file:
            file.attrs["parameter_norm"] = 1 + (path.parent.name == "batch_norm")
    for path in folder.rglob("overlaps.csv"):
        table = pd.read_csv(path).assign(mean=1.0, variance=0.0, third_moment=0.0)
        table.to_csv(path, index=False)
    for path in folder.rglob("hessian.h5"):
        with h5py.File(path, "a") as file:
            values = np.linspace(1.1, 1.0, len(file["eigenvalues"]))
            count, ratio = GAPS.get(path.parent.name, (0, 1))
            values[:count] *= ratio
            file["eigenvalues"][...] = values
    for name in ("no_norm_gaussian", "no_norm_images"):
        with h5py.File(folder / f"seed0/initialisation/{name}.h5", "a") as file:
            file["classifier_conv/variance_between"][...] = 0
    for path in folder.rglob("hessian_off_means.h5"):
        with h5py.File(path, "a") as file:
            file["eigenvalues"][...] = 100.0
    return folder


def judged(folder, networks, experiments, units_of=tuple(verdicts.UNITS)):
    """How many of these units pass each claim that is judged on them, by its id."""
    deep = {role: name for role, name in experiments.items() if role in DEEP}
    units = {
        "seeds": [Seed(folder / "seed0", networks, experiments, SETTINGS)],
        "chains": [Chains(folder, {}, deep, {}, chain=n) for n in range(20)],
        "all_chains": [Chains(folder, {}, deep, {})],
    }
    return {
        claim["id"]: verdicts.judge(claim, units, {})["passed"].split(" ")
        for claim in CLAIMS
        if claim.get("units", "seeds") in units_of
    }


def shuffled(roles, kinds, by):
    """The experiments with those of these kinds moved by so many places."""
    return {kind: roles[kinds[(kinds.index(kind) + by) % len(kinds)]] for kind in kinds}


@pytest.mark.long
def test_no_criterion_passes_for_whatever_it_is_given(run, dead, deaf):
    read.cache_clear()
    seeds = ("seeds",)
    worlds = [
        judged(run, dict.fromkeys(NETWORKS, name), CHAINS, seeds)
        for name in (NETWORKS["batch_norm"], NETWORKS["frozen"], NETWORKS["none"])
    ]
    swapped = {role: NETWORKS[other] for role, other in SWAPPED.items()}
    worlds.append(judged(run, swapped, CHAINS, seeds))
    worlds += [
        judged(run, NETWORKS, shuffled(CHAINS, DEEP, by) | shuffled(CHAINS, CONV, by))
        for by in (1, 2, 3)
    ]
    moved = CHAINS | shuffled(CHAINS, CONV, 2)
    worlds.append(judged(run, NETWORKS, moved, seeds))
    worlds += [judged(folder, NETWORKS, CHAINS, seeds) for folder in (dead, deaf)]
    for claim in CLAIMS:
        # The checks are of definitions; the theory of C18 is judged from width 1024 on.
        if claim.get("kind") == "check" or claim["id"] == "C18":
            continue
        name = claim["id"]
        counts = [world[name] for world in worlds if name in world]
        assert any(count[0] != count[2] for count in counts if count != ["-"]), (
            name,
            counts,
        )

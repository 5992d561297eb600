"""What CONTRIBUTING.md says how to add, done as it says in a copy of the project."""

import re

import pandas as pd
import pytest
import yaml
from running import ROOT, changed, copy_of_the_project, rules_of, run

pytestmark = pytest.mark.long

PARTS = dict(
    re.findall(
        r"^## Add an? ([\w ]+)\n(.*?)(?=^## |\Z)",
        (ROOT / "CONTRIBUTING.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
)
BLOCK = re.compile(
    r"^```(\w+) (file|append)=(\S+)\n(.*?)^```", re.DOTALL | re.MULTILINE
)
QUANTITY = "quantity with its figure and claim"


def add(part, clone):
    """Do what the part says; the files that it touches."""
    touched = []
    for kind, where, name, text in BLOCK.findall(PARTS[part]):
        path = clone / name
        touched.append(name)
        if kind == "diff":
            lines = text.splitlines(keepends=True)
            assert all(line[0] in "+-" for line in lines)
            old = "".join(line[1:] for line in lines if line[0] == "-")
            new = "".join(line[1:] for line in lines if line[0] == "+")
            assert path.read_text().count(old) == 1, name
            path.write_text(path.read_text().replace(old, new))
        elif where == "append":
            path.write_text(path.read_text() + text)
        else:
            assert not path.exists()
            path.write_text(text)
    return touched


@pytest.fixture
def clone(tmp_path):
    return copy_of_the_project(tmp_path / "clone")


def test_every_part_is_done_here():
    assert PARTS.keys() == {"norm", "layer", "data source", "matrix", QUANTITY}


@pytest.mark.parametrize(
    ("part", "most", "stale"),
    [
        ("norm", 3, set()),
        ("layer", 3, set()),
        ("data source", 3, set()),
        ("matrix", 4, {"decompose_damped_hessian"}),
        (QUANTITY, 6, {"measure_confidence", "plot_confidence"}),
    ],
)
def test_what_is_added_leaves_all_else_as_it_is(finished, clone, part, most, stale):
    assert len(set(add(part, clone))) <= most
    follow = {"judge_claims", "render_page"} if stale else set()
    output = run(finished, "--dry-run", "--nolock", root=clone)
    assert rules_of(output) == stale | follow


@pytest.mark.parametrize(
    ("part", "config"),
    [
        ("norm", "networks: {mine: {norm: rms, max_lr: 0.5}}"),
        ("layer", "network: {activation: tanh}"),
        ("data source", "dataset: {name: stripes}"),
    ],
)
def test_what_is_added_can_be_configured(finished, clone, tmp_path, part, config):
    add(part, clone)
    change = changed(tmp_path, f"{config}\n")
    output = run(finished, "--dry-run", "--nolock", change, root=clone)
    if part == "norm":
        made = re.findall(r"output: results/smoke/seed0/(?:lr_\w+/)?(\w+)", output)
        assert set(made) == {"mine"}
    assert "train_network" in rules_of(output)


def test_what_is_added_runs(clone, tmp_path):
    """All five in one run from nothing, beside the networks that the claim is about."""
    for part in PARTS:
        add(part, clone)
    others = ("post_batch_norm", "frozen_post_batch_norm", "batch_norm_low_rate")
    experiments = yaml.safe_load((ROOT / "config.yaml").read_text())["initialisation"]
    settings = {
        "network": {"activation": "tanh"},
        "dataset": {"name": "stripes"},
        "networks": dict.fromkeys(others) | {"mine": {"norm": "rms", "max_lr": 0.05}},
        "initialisation": {"experiments": dict.fromkeys(experiments["experiments"])},
    }
    change = changed(tmp_path, yaml.safe_dump(settings))
    run(tmp_path, change, root=clone)
    results = tmp_path / "results/smoke"
    for network in ("mine", "frozen_batch_norm"):
        assert (results / f"seed0/{network}/hessian_damped.h5").exists()
    assert (results / "figures/62_confidence.svg").stat().st_size > 3000
    table = pd.read_csv(results / "claims.csv").set_index("id")
    assert table.verdict["N1"] in ("seen in 0 of 1", "seen in 1 of 1")
    page = (results / "index.html").read_text()
    assert "The probability that a network gives to the class" in page

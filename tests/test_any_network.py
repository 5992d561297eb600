"""A whole run, data to page, of networks that the article does not have."""

import shutil

import pandas as pd
import pytest
from running import ROOT, run


@pytest.mark.long
def test_a_run_of_other_networks_has_its_figures_and_says_what_is_missing(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    run(tmp_path, ROOT / "tests/any_network.yaml")
    results = tmp_path / "results/any_network"
    table = pd.read_csv(results / "claims.csv").fillna("")
    missing = table[table.reason.str.contains("no network of this run is")]
    assert len(missing) > 50
    assert set(missing.verdict) == {"not measured"}
    page = (results / "index.html").read_text()
    assert "<td>not in this run</td><td>5.0</td>" in page
    # Three steps, in the lead and at the end.
    assert page.count("The article says so; this run does not measure it") == 6
    for name in ("residual", "affine", "resnet", "frozen_resnet", "transformer"):
        assert (results / f"figures/49_layer_shifts_{name}.svg").exists()
        assert (results / f"seed0/{name}/overlaps.csv").exists()

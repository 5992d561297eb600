"""All that configs/beyond.yaml adds to a run, at the tests' sizes."""

import re
import shutil
from importlib.util import find_spec

import pandas as pd
import pytest
import yaml
from running import ROOT, changed, confined, copy_of_the_project, rules_of, run

ADDED = "breaks"


@pytest.mark.long
def test_what_beyond_adds_is_measured_judged_and_told(finished, tmp_path):
    directory = tmp_path / "run"
    shutil.copytree(finished, directory)
    config = yaml.safe_load((ROOT / "tests/beyond.yaml").read_text()) | {"run": "smoke"}
    if not find_spec("curvlinops"):
        del config["stability"]["second_order_rates"]
    project = confined(copy_of_the_project(tmp_path / "normscope"))
    change = changed(tmp_path, yaml.safe_dump(config))
    every = rules_of(run(directory, change, "--dry-run", "--forceall", root=project))
    drawn = [rule for rule in every if rule.startswith("plot_")]
    output = run(directory, change, "--forcerun", *drawn, root=project)
    assert rules_of(output) >= {*drawn, "judge_claims", "render_page"}
    assert not rules_of(output) & {"train_network", "decompose_hessian"}
    results = directory / "results/smoke"
    for name in files_of("docs/beyond.md") - {"second_order.csv"}:
        assert [*results.glob(f"seed0/*/{name.replace('<n>', '10')}")], name
    table = pd.read_csv(results / "claims.csv")
    claims = yaml.safe_load((ROOT / "workflow/resources/claims.yaml").read_text())
    asked = {claim["id"] for claim in claims if claim["section"] == ADDED}
    judged = table[table.id.isin(asked)].set_index("id")
    assert set(judged.index) == asked
    assert (judged.verdict != "not measured").sum() > len(asked) / 2
    page = (results / "index.html").read_text()
    assert f'<h2 id="{ADDED}">' in page
    for number in (55, 56, 57, 58, 59):
        assert f'id="figure-{number}"' in page


def files_of(document):
    """The files that the first column of a document's table names."""
    return set(re.findall(r"^\| `([^`]+)`", (ROOT / document).read_text(), re.M))

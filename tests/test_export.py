"""make export: every number of every network of every run, in one tidy table."""

import numpy as np
import pandas as pd
import pytest

from normscope.page import export
from normscope.results.runs import Missing


def raises(problem):
    def quantity(_):
        raise problem

    return quantity


@pytest.fixture
def results(tmp_path, monkeypatch):
    for folder in ("b/seed1/none", "a/seed0/active", "a/seed0/none"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "network.pt").touch()
    (tmp_path / "a/seed0/lr_held").mkdir()
    found = {
        "number": lambda network: len(network.name),
        "many": lambda _: np.array([[1.0, 2.0]]),
        "by_layer": lambda _: {"conv": 3.0},
        "table": lambda _: pd.DataFrame({"loss": [4.0, 5.0], "name": ["x", "y"]}),
        "missing": raises(Missing("no such file")),
    }
    monkeypatch.setattr(export, "OF_A_NETWORK", found)
    return tmp_path


def test_each_number_is_a_row(results):
    output = results / "all.csv"
    export.main(str(results), str(output))
    table = pd.read_csv(output)
    assert list(table.columns) == ["run", "seed", "network", "quantity", "value"]
    assert len(table) == 3 * 6
    places = table[["run", "seed", "network"]].drop_duplicates()
    assert places.to_numpy().tolist() == [
        ["a", 0, "active"], ["a", 0, "none"], ["b", 1, "none"]
    ]  # fmt: skip
    mine = table[table.run == "b"].set_index("quantity").value
    assert mine.to_dict() == {
        "number": 4, "many[1, 1]": 1, "many[1, 2]": 2, "by_layer[conv]": 3,
        "table[loss, 1]": 4, "table[loss, 2]": 5,
    }  # fmt: skip


def test_no_run_is_said_in_a_line(tmp_path):
    with pytest.raises(
        SystemExit, match="holds no run with a trained network; run make"
    ):
        export.main(str(tmp_path), str(tmp_path / "all.csv"))
    assert list(tmp_path.iterdir()) == []


def test_the_quantities_of_a_network_are_exported():
    assert {"largest_eigenvalue", "overlaps", "mode_gap"} <= export.OF_A_NETWORK.keys()
    assert "accuracy_after" not in export.OF_A_NETWORK  # needs a part of training

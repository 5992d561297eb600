"""CSV tables are whole and of their layout, or refused in one line by every reader."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import plot_learning_rate_stress
import plot_mean_overlaps
import plot_overlaps
import plot_scaled_overlaps
import plot_training
import render_page
from normscope import tables
from normscope.job import Refused
from normscope.seeds import Seed

VALUES = {
    "count": [1, 2, 3],
    "number": [0.5, 2, 1e-9],
    "loss": [2.5, np.nan, np.inf],
    "truth": [False, False, True],
    "text": ["a", "", 'NA, "quoted"\n$'],
}
PLACES = {
    "lr_stress/*.csv": "seed0/lr_stress/training.csv",
    "training.csv": "seed0/mine/training.csv",
    "overlaps.csv": "seed0/mine/overlaps.csv",
    "claims.csv": "claims.csv",
}


@pytest.fixture
def table(tmp_path):
    """Write a table of that layout; return its path and itself."""

    def make(layout):
        path = tmp_path / PLACES[layout]
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = tables.LAYOUTS[layout].items()
        content = pd.DataFrame({name: VALUES[kind] for name, kind in columns})
        content.to_csv(path, index=False)
        return path, content

    return make


@pytest.mark.parametrize("layout", PLACES)
def test_a_table_reads_as_it_was_written(table, layout):
    path, content = table(layout)
    pd.testing.assert_frame_equal(tables.read(str(path)), content, check_dtype=False)


def cut_in_a_number(lines):
    return "\n".join(lines)[:-1]


def cut_in_a_row(lines):
    return "\n".join([*lines[:-1], lines[-1].rpartition(",")[0], ""])


def empty(lines):
    return ""


def header_alone(lines):
    return lines[0] + "\n"


def text(lines):
    return "my notes, of today\n"


def bytes_of_another_kind(lines):
    return b"\x89HDF\r\n\x1a\n\xff\0"


def without_its_first_column(lines):
    return "".join(line.partition(",")[2] + "\n" for line in lines)


def with_another_column(lines):
    return "".join(f"{line},{number}\n" for number, line in enumerate(lines))


def with_longer_rows(lines):
    return "".join(f"{line}{',7' * (line != lines[0])}\n" for line in lines)


def with_semicolons(lines):
    return "".join(line.replace(",", ";") + "\n" for line in lines)


DAMAGES = (
    cut_in_a_number, cut_in_a_row, empty, header_alone, text, bytes_of_another_kind,
    without_its_first_column, with_another_column, with_longer_rows, with_semicolons,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("layout", PLACES)
def test_a_damaged_table_is_refused_by_name(table, layout, damage):
    path, _ = table(layout)
    content = damage(path.read_text().splitlines())
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(
        Refused, match=f"{path} is not a whole .*; delete it"
    ) as refusal:
        tables.read(str(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("layout", "column", "values"),
    [
        ("training.csv", "train_loss", [0.5, np.nan, 1]),
        ("training.csv", "seconds", [0.5, np.inf, 1]),
        ("training.csv", "test_accuracy", [0.5, "much", 1]),
        ("training.csv", "epoch", [1, 3, 4]),
        ("training.csv", "epoch", [1.5, 2, 3]),
        ("lr_stress/*.csv", "learning_rate", [0.5, np.nan, 1]),
        ("lr_stress/*.csv", "diverged", [0, 0, 1]),
        ("lr_stress/*.csv", "diverged", [False, "", True]),
        ("overlaps.csv", "eigenvector", [3, 2, 1]),
        ("overlaps.csv", "mean", [0.5, "", 1]),
    ],
)
def test_values_of_another_kind_are_refused(table, layout, column, values):
    path, content = table(layout)
    content.assign(**{column: values}).to_csv(path, index=False)
    with pytest.raises(Refused, match=f"{path} is not .*its column {column} "):
        tables.read(str(path))


def test_a_table_that_may_not_be_read_is_not_called_damaged(table, monkeypatch):
    path, _ = table("training.csv")

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(Refused, match=f"^{path}: Permission denied; allow reading it$"):
        tables.read(str(path))


READERS = [
    (plot_learning_rate_stress, "stress", "lr_stress/*.csv"),
    (plot_training, "training", "training.csv"),
    (plot_overlaps, "overlaps", "overlaps.csv"),
    (plot_mean_overlaps, "overlaps", "overlaps.csv"),
    (plot_scaled_overlaps, "overlaps", "overlaps.csv"),
]


@pytest.mark.parametrize(("script", "name", "layout"), READERS)
def test_figures_refuse_a_damaged_table(table, job, script, name, layout):
    path, _ = table(layout)
    path.write_text(cut_in_a_number(path.read_text().splitlines()))
    with pytest.raises(Refused, match=str(path)):
        script.main(job(script.__name__, {name: [str(path)]}))


def test_the_page_refuses_a_damaged_table(table, job):
    path, _ = table("claims.csv")
    path.write_text(header_alone(path.read_text().splitlines()))
    output = {"page": str(path.with_name("index.html"))}
    with pytest.raises(Refused, match=str(path)):
        render_page.main(job("render_page", {"claims": str(path)}, output))
    assert not path.with_name("index.html").exists()


@pytest.mark.parametrize("layout", ["lr_stress/*.csv", "training.csv", "overlaps.csv"])
def test_verdicts_refuse_a_damaged_table(table, layout):
    path, _ = table(layout)
    path.write_text("")
    name = "training" if "lr_stress" in str(path) else "mine"
    seed = Seed(path.parents[1], {"part": name}, {}, {}, 2)
    measure = {"lr_stress/*.csv": seed.stress}.get(layout) or getattr(seed, path.stem)
    with pytest.raises(Refused, match=str(path)):
        measure("part")

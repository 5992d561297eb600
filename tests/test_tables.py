"""CSV tables are whole and of their kind, or refused in one line by every reader."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import plot_held_rates
import plot_learning_rate_stress
import plot_mean_overlaps
import plot_overlaps
import plot_scaled_overlaps
import plot_training
import render_page
from normscope import tables
from normscope.claims import verdicts
from normscope.job import BlockedError, UserError
from normscope.results import overlaps, training
from normscope.results.runs import networks_of

VALUES = {
    "count": [1, 2, 3],
    "number": [0.5, 2, 1e-9],
    "loss": [2.5, np.nan, np.inf],
    "truth": [False, False, True],
    "text": ["a", "", 'NA, "quoted"\n$'],
}
# Path and columns of each kind of table.
TABLES = {
    "stress": ("seed0/lr_stress/mine.csv", training.STRESS),
    "held": ("seed0/lr_held/mine.csv", training.HELD),
    "training": ("seed0/mine/training.csv", training.TRAINING),
    "overlaps": ("seed0/mine/overlaps.csv", overlaps.COLUMNS),
    "claims": ("claims.csv", verdicts.COLUMNS),
}


@pytest.fixture
def table(tmp_path):
    """Write a table of that kind; return its path and itself."""

    def make(kind):
        place, columns = TABLES[kind]
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        content = pd.DataFrame({name: VALUES[kind] for name, kind in columns.items()})
        content.to_csv(path, index=False)
        return path, content

    return make


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_reads_as_it_was_written(table, kind):
    path, content = table(kind)
    pd.testing.assert_frame_equal(
        tables.read(str(path), TABLES[kind][1]), content, check_dtype=False
    )


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
@pytest.mark.parametrize("kind", TABLES)
def test_a_damaged_table_is_refused_by_name(table, kind, damage):
    path, _ = table(kind)
    content = damage(path.read_text().splitlines())
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(
        UserError, match=f"{path} is not a whole .*; delete it"
    ) as refusal:
        tables.read(str(path), TABLES[kind][1])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "column", "values"),
    [
        ("training", "train_loss", [0.5, np.nan, 1]),
        ("training", "seconds", [0.5, np.inf, 1]),
        ("training", "test_accuracy", [0.5, "much", 1]),
        ("training", "epoch", [1, 3, 4]),
        ("training", "epoch", [1.5, 2, 3]),
        ("stress", "learning_rate", [0.5, np.nan, 1]),
        ("stress", "diverged", [0, 0, 1]),
        ("held", "learning_rate", [0.5, np.nan, 1]),
        ("held", "train_accuracy", [0.5, np.nan, 1]),
        ("stress", "diverged", [False, "", True]),
        ("overlaps", "eigenvector", [3, 2, 1]),
        ("overlaps", "mean", [0.5, "", 1]),
    ],
)
def test_values_of_another_kind_are_refused(table, kind, column, values):
    path, content = table(kind)
    content.assign(**{column: values}).to_csv(path, index=False)
    with pytest.raises(UserError, match=f"{path} is not .*its column {column} "):
        tables.read(str(path), TABLES[kind][1])


def test_a_table_that_may_not_be_read_is_not_called_damaged(table, monkeypatch):
    kind = "training"
    path, _ = table(kind)

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(
        BlockedError, match=f"^{path} may not be read; its owner can allow it"
    ):
        tables.read(str(path), TABLES[kind][1])


READERS = [
    (plot_learning_rate_stress, "stress", "stress"),
    (plot_held_rates, "held", "held"),
    (plot_training, "training", "training"),
    (plot_overlaps, "overlaps", "overlaps"),
    (plot_mean_overlaps, "overlaps", "overlaps"),
    (plot_scaled_overlaps, "overlaps", "overlaps"),
]


@pytest.mark.parametrize(("script", "name", "kind"), READERS)
def test_figures_refuse_a_damaged_table(table, job, script, name, kind):
    path, _ = table(kind)
    path.write_text(cut_in_a_number(path.read_text().splitlines()))
    with pytest.raises(UserError, match=str(path)):
        script.main(job(script.__name__, {name: [str(path)]}))


def test_the_page_refuses_a_damaged_table(table, job):
    path, _ = table("claims")
    path.write_text(header_alone(path.read_text().splitlines()))
    output = {"page": str(path.with_name("index.html"))}
    with pytest.raises(UserError, match=str(path)):
        render_page.main(job("render_page", {"claims": str(path)}, output))
    assert not path.with_name("index.html").exists()


@pytest.mark.parametrize("kind", ["stress", "held", "training", "overlaps"])
def test_verdicts_refuse_a_damaged_table(table, kind):
    path, _ = table(kind)
    path.write_text("")
    reader = {
        "stress": training.stress,
        "held": training.held,
        "training": training.epochs,
        "overlaps": overlaps.overlaps,
    }[kind]
    with pytest.raises(UserError, match=str(path)):
        reader(networks_of([str(path)])[0])

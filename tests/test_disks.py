"""Writes that fail, and disks that are full or read-only: what was there stays."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from running import CONFIGS, snakemake

from normscope import store
from normscope.curvature import decomposition
from normscope.figures import drawing
from normscope.job import UserError, atomic_write
from normscope.networks import conv_net, files
from normscope.resume import State


def fail(path, error):
    with atomic_write(str(path)) as partial:
        partial.write_text("half")
        raise error


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")
    with pytest.raises(OSError, match="unlucky"):
        fail(path, OSError("unlucky"))
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 128 kB, with some options; root may."""
    place = tmp_path / "results"
    place.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", f"size=128k,{options}", "tmpfs", place]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root may mount file systems")

    yield mount
    subprocess.run(["umount", place], capture_output=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "rw",
            r"error: results/smoke/dataset\.h5 cannot be written: the disk is ful",
        ),
        ("ro", r"Read-only file system: 'results/smoke'"),
    ],
)
def test_a_disk_that_is_full_or_read_only_is_said(
    tmp_path, small_disk, options, message
):
    small_disk(options)
    done = snakemake(tmp_path, *CONFIGS, "--", "results/smoke/dataset.h5")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(message, output), output
    assert "Traceback" not in output
    assert not [path for path in (tmp_path / "results").rglob("*") if path.is_file()]


def write_network(path):
    architecture = conv_net.Architecture((16, 16, 16, 16), classes=10)
    network = conv_net.build(architecture, torch.Generator())
    files.save(path, network, architecture, {})


def write_eigenpairs(path):
    arrays = {
        "eigenvalues": np.ones(2),
        "eigenvectors": np.ones((2, 9000), np.float32),
        "residual_norms": np.ones(2),
    }
    store.write(path, decomposition.LAYOUT, arrays, {})


def write_state(path):
    State(Path(path), "x").save({"vectors": torch.ones(2, 9000)})


def write_table(path):
    with atomic_write(path) as partial:
        pd.DataFrame(np.random.rand(5000, 2)).to_csv(partial)


def write_figure(path):
    figure = Figure()
    figure.add_subplot().plot(np.random.rand(9000))
    drawing.save(figure, path, f"{path}.png")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("network.pt", write_network),
        ("hessian.h5", write_eigenpairs),
        ("hessian.h5.partial", write_state),
        ("overlaps.csv", write_table),
        ("36_overlaps.svg", write_figure),
    ],
)
def test_whatever_meets_a_full_disk_says_so(tmp_path, small_disk, name, write):
    write(str(tmp_path / name))  # where there is room
    small_disk("rw")
    other, path = tmp_path / "results/other", tmp_path / "results" / name
    other.write_bytes(bytes(100_000))
    with pytest.raises(UserError, match=f"{path} cannot be written: the disk is full"):
        write(str(path))
    assert list(path.parent.iterdir()) == [other]


def test_a_disk_that_is_read_only_says_what_to_do(tmp_path, small_disk):
    small_disk("ro")
    path = tmp_path / "results/overlaps.csv"
    with pytest.raises(UserError, match=f"{path} cannot be .* is read-only; allow"):
        write_table(str(path))

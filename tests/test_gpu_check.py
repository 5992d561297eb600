"""`make gpu-check`, whole: on the CPU at tiny sizes, and on the pretended device."""

import csv
import os
import re
import subprocess
import sys

import gpu_check
import gpu_times
import pytest
from pretended_device import DEVICE, PretendedDevice
from running import ROOT

# Of the packages in envs/requirements.txt, those that a machine with a GPU may lack.
ABSENT = (
    "snakemake", "pandas", "matplotlib", "PIL", "hypothesis", "jsonschema", "beartype",
)  # fmt: skip


@pytest.fixture
def check(tmp_path):
    """Run it where nothing of ABSENT can be imported, and no GPU be seen."""
    for name in ABSENT:
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError({name!r})")
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }

    def run(*options):
        command = [sys.executable, ROOT / "tests/gpu_check.py", *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.long
def test_it_measures_everything_with_little_more_than_torch(check, tmp_path):
    path = tmp_path / "benchmarks/gpu.csv"
    done = check("--device", "cpu", "--tiny", "--output", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ skipped", done.stdout, re.MULTILINE)  # and no error
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["task"] for row in rows} == {
        "training", "moment gradients", "Hessian product", "2 eigenpairs",
    }  # fmt: skip
    for row in rows:
        assert float(row["seconds"]) > 0
        assert row["task"] in done.stdout
        if row["task"] == "2 eigenpairs":
            assert float(row["residual"]) < 1.1e-3


def test_without_a_gpu_it_says_so_in_one_line(check, tmp_path):
    done = check("--output", tmp_path / "gpu.csv")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("gpu-check: config key device: this")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "gpu.csv").exists()


def test_it_leaves_nothing_behind_on_the_way_to_a_device(monkeypatch):
    # torch.compile, by which curvlinops is timed, breaks on a device that is not there.
    monkeypatch.setattr(gpu_times, "find_spec", lambda name: None)
    with PretendedDevice() as there:
        rows = list(gpu_times.measurements(gpu_times.TINY, DEVICE))
    assert there.moved
    assert all(gpu_check.line(row) for row in rows)
    assert {row["method"] for row in rows} > {"normscope", "double backward + eigsh"}
    assert all(row["residual"] < 1.1e-3 for row in rows if "residual" in row)


def test_make_calls_it_by_the_python_that_is_given():
    command = ["make", "--no-print-directory", "--dry-run", "gpu-check"]
    command += ["GPU_PYTHON=mine"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["mine tests/gpu_check.py"]

"""The workflow from anywhere: other folders, other workflows, copies, odd homes."""

import os
import shutil
import subprocess
import sys

import pytest
from running import (
    CONFIGS,
    ROOT,
    changed,
    copy_of_the_project,
    environment_in,
    hostile,
    rules_of,
    run,
    snakemake,
)  # fmt: skip

pytestmark = pytest.mark.long
SNAKEFILES = pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
RENAMED = """
module why:
    snakefile: {snakefile!r}
    config: {{"run": "mine", "dataset": {{"train_size": 600, "test_size": 20}}}}

use rule * from why as why_*

rule plot_of_their_own:
    output: "plot.svg"

rule all:
    default_target: True
    input: "results/mine/index.html"
"""


@pytest.fixture
def project(tmp_path):
    """A copy with an environment, under names that shells and globs take apart."""
    project = copy_of_the_project(tmp_path / "my [projects] (für $x)" / "norm scope")
    environment_in(project)
    return project


def make(project, *arguments, **options):
    done = subprocess.run(
        ["make", *arguments], cwd=project, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_make_needs_no_home_and_no_plain_path(project, tmp_path):
    assert "render_page" in make(project, "dry-run", **hostile(tmp_path / "packages"))


def test_a_job_starts_where_paths_have_blanks(project, tmp_path):
    python, target = project / ".venv/bin/python", "results/smoke/dataset.h5"
    options = hostile(tmp_path / "packages")
    options["env"]["XDG_CACHE_HOME"] = str(tmp_path)
    run(project, "--", target, root=project, python=python, **options)
    assert (project / target).exists()


def is_set_up_anew(project):
    return "-m venv --clear .venv" in make(project, "--dry-run", "dry-run")


def test_a_project_that_was_moved_or_copied_is_set_up_anew(project, tmp_path):
    assert not is_set_up_anew(project)
    copy = shutil.copytree(project, tmp_path / "copy", symlinks=True)
    assert is_set_up_anew(copy)
    moved = project.rename(tmp_path / "moved")
    assert is_set_up_anew(moved)
    moved.rename(project)
    assert not is_set_up_anew(project)
    shutil.rmtree(copy / ".venv")
    (copy / ".venv").symlink_to(project / ".venv")  # an environment that two share
    assert not is_set_up_anew(copy)


def test_an_environment_whose_python_went_is_set_up_anew(project):
    for python in (project / ".venv/bin").glob("python*"):
        python.unlink()
        python.symlink_to("/usr/bin/python2.2")
    assert is_set_up_anew(project)


@SNAKEFILES
def test_defaults_come_from_the_checkout(tmp_path, snakefile):
    """In a work folder without a config, by -s."""
    there = ["-m", "snakemake", "--snakefile", ROOT / snakefile, "--dry-run"]
    done = subprocess.run(
        [sys.executable, *there], cwd=tmp_path, capture_output=True, text=True
    )
    assert "results/demo/index.html" in done.stdout, done.stdout + done.stderr
    assert "profiles/default for setting default" in done.stderr


def test_a_config_elsewhere_may_be_a_part(tmp_path):
    done = snakemake(
        tmp_path, "--dry-run", "--configfile", ROOT / "configs/image_folder.yaml"
    )
    assert done.returncode == 0, done.stdout + done.stderr


@SNAKEFILES
def test_another_workflow_has_this_one_as_a_module(tmp_path, snakefile):
    text = RENAMED.format(snakefile=str(ROOT / snakefile))
    (tmp_path / "Snakefile").write_text(text)
    done = snakemake(tmp_path, "--dry-run", root=tmp_path)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert {"why_render_page", "why_plot_overlaps"} <= rules_of(output)
    targets = "results/mine/dataset.h5", "results/mine/figures/15_activations.svg"
    done = snakemake(tmp_path, "--", *targets, root=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((tmp_path / target).exists() for target in targets)


def test_copied_results_stay_fresh(tmp_path):
    """Of more than the 1 MB up to which Snakemake would compare what is in a file."""
    there, copy = tmp_path / "there", tmp_path / "copy"
    there.mkdir()
    over = changed(
        tmp_path, "{dataset: {train_size: 400, test_size: 100}, training: {epochs: 1}}"
    )
    target = "results/smoke/seed0/no_batch_norm/network.pt"
    run(there, over, "--", target)
    shutil.copytree(there, copy, copy_function=shutil.copyfile)
    os.utime(copy / "results/smoke/dataset.h5")
    run_again = snakemake(copy, "--dry-run", *CONFIGS, over, "--", target)
    assert "Nothing to be done" in run_again.stdout + run_again.stderr


SPIN = """
import time
import torch

def cpu_seconds(threads):
    torch.set_num_threads(threads)
    numbers = torch.randn(2**17)
    numbers.exp()
    start = time.process_time()
    for _ in range(150):
        numbers.exp()
        time.sleep(0.003)
    return time.process_time() - start

print(cpu_seconds(1), cpu_seconds(2), file=open(snakemake.output[0], "w"))
"""
RULE = """
rule spin:
    output: "spin"
    script: "scripts/spin.py"
"""


def test_threads_that_wait_leave_their_cores_to_others(tmp_path, monkeypatch):
    """By CPU time, which other programs hardly change: OpenMP's threads may spin."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    project = copy_of_the_project(tmp_path / "normscope")
    (project / "scripts/spin.py").write_text(SPIN)
    with open(project / "Snakefile", "a") as snakefile:
        snakefile.write(RULE)
    run(tmp_path, "--", "spin", root=project)
    one, two = map(float, (tmp_path / "spin").read_text().split())
    assert two < 2 * one + 0.1

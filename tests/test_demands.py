"""What jobs ask of a scheduler, as a dry run lists it."""

import os
import re

import pytest
import torch
import yaml
from running import CONFIGS, ROOT, changed, snakemake

pytestmark = pytest.mark.long

CPU_RULES = {"measure_chains"}
GPU_RULES = {
    "train_network", "stress_learning_rate", "freeze_network", "differentiate_moments",
    "decompose_hessian", "measure_overlaps", "perturb_network",
    "measure_initialisation", "hold_learning_rates", "walk_directions",
    "decompose_gauss_newton", "decompose_layers", "measure_spectrum",
}  # fmt: skip
NETWORK = "results/smoke/seed0/batch_norm/network.pt"


def demands(*configs):
    """Resources of each rule's first attempt, as a dry run lists them."""
    done = snakemake(ROOT, "--dry-run", "--forceall", *CONFIGS, *configs)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = {}
    for job in re.split(r"\n(?:local)?rule ", done.stdout + done.stderr)[1:]:
        rule = re.match(r"\w+", job)[0]
        values = re.findall(r"(gpu|mem_mb|runtime)=(\d+)", job)
        listed[rule] = {name: int(value) for name, value in values}
    return listed


def test_demands_follow_the_sizes(tmp_path):
    small = demands()
    assert all("gpu" not in small[rule] or small[rule]["gpu"] == 0 for rule in small)
    large = demands(
        changed(
            tmp_path,
            yaml.safe_dump(
                {
                    "device": "cuda",
                    "dataset": {"train_size": 50000},
                    "network": {"widths": [64, 128, 256, 512]},
                    "hessian": {
                        "images": 20480,
                        "k": 25,
                        "memory_gb": 20.0,
                    },
                }
            ),
        )
    )
    for rule in GPU_RULES:
        assert large[rule]["gpu"] == 1
        assert large[rule]["mem_mb"] > small[rule]["mem_mb"]
    assert "gpu" not in large["measure_chains"]
    assert large["decompose_hessian"]["mem_mb"] > 20000
    for rule in ("train_network", "decompose_hessian", "differentiate_moments"):
        assert large[rule]["runtime"] > small[rule]["runtime"]


def test_where_there_is_no_gpu_jobs_of_few_threads_run_side_by_side(tmp_path):
    """With `auto` too; a GPU is asked for where one is named, or on a cluster."""

    def first(device, cores):
        settings = changed(tmp_path, f"device: {device}")
        done = snakemake(
            tmp_path, "--dry-run", "--cores", cores, *CONFIGS, settings, "--", NETWORK
        )
        assert done.returncode == 0, done.stdout + done.stderr
        job = (done.stdout + done.stderr).split("rule train_network:")[1]
        threads, gpus = re.search(r"threads: (\d+)", job), re.search(r"gpu=(\d+)", job)
        return int(threads[1] if threads else 1), int(gpus[1])

    assert first("cpu", "2") == (1, 0)
    assert first("cpu", "16") == (4, 0)
    assert first("cuda", "16") == (8, 1)
    if not torch.cuda.is_available():
        assert first("auto", "2") == (1, 0)


def test_without_a_limit_a_hessian_has_half_of_its_job(tmp_path):
    """So that the other half is as much as it needs without."""

    def memory(gigabytes):
        settings = changed(tmp_path, f"hessian: {{memory_gb: {gigabytes}}}")
        return demands(settings)["decompose_hessian"]["mem_mb"]

    assert memory("null") == pytest.approx(2 * memory(0), abs=2)


def test_a_sweep_is_planned_in_seconds(tmp_path):
    start = os.times().children_user
    done = snakemake(
        tmp_path,
        "--dry-run",
        "--configfile",
        ROOT / "config.yaml",
        ROOT / "configs/sweep.yaml",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"decompose_hessian +35\b", done.stdout + done.stderr)
    assert os.times().children_user - start < 10

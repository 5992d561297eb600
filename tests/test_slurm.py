"""The workflow on a real Slurm: what jobs ask for, and how they survive."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml
from running import CONFIGS, ROOT, changed, snakemake
from test_demands import CPU_RULES, GPU_RULES, demands

SHARED = {"measure_initialisation": 2}  # in one job of Slurm
UNTRAINED = ("relu_chain", "linear_chain")
RULE = re.compile(rf"rule_({'|'.join(sorted(CPU_RULES | GPU_RULES))})_")
# Snakemake that looks after its jobs every second, not every ten and more.
PROMPT = """
import asyncio
from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
async def sleep(executor):
    await asyncio.sleep(1)
RemoteExecutor.sleep = sleep
main()
"""
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
LEFT_OUT = dict.fromkeys(
    name for name in CONFIG["initialisation"]["experiments"] if name not in UNTRAINED
)
TWO_OF_EACH = {
    "device": "auto",  # cpu would ask for no GPU
    "seeds": [0],
    "networks": dict.fromkeys(
        [
            "no_batch_norm",
            "post_batch_norm",
            "frozen_post_batch_norm",
            "batch_norm_low_rate",
        ]
    ),
    "hessian": {"memory_gb": None},
    "initialisation": {"experiments": LEFT_OUT},
}
TRAINING = {
    "device": "auto",
    "dataset": {"train_size": 300},
    "training": {"epochs": 20},
}
NETWORK = "results/smoke/seed0/batch_norm/network.pt"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """Slurm on this machine."""
    script, state = ROOT / "tests/slurm.sh", tmp_path_factory.mktemp("slurm")
    start = [script, "start", state]
    started = subprocess.run(start, stdout=subprocess.PIPE, text=True)
    if started.returncode == 77:
        pytest.skip(started.stdout.strip())
    try:
        assert started.returncode == 0, started.stdout
        yield
    finally:
        subprocess.run([script, "stop", state], check=True)


class Run:
    """A run of the workflow on Slurm, with results and output in a folder."""

    def __init__(self, folder, settings, *arguments):
        self.folder, self.output = folder, folder / "output"
        self.configs = [*CONFIGS, changed(folder, yaml.safe_dump(settings))]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-c", PROMPT, "--snakefile", ROOT / "Snakefile",
                    "--directory", folder, "--workflow-profile",
                    ROOT / "profiles/slurm", "--slurm-partition-config",
                    ROOT / "profiles/slurm/partitions.yaml", *arguments, *self.configs,
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def finish(self):
        try:
            code = self.process.wait(900)
        except subprocess.TimeoutExpired:
            pytest.fail(self.output.read_text())
        assert code == 0, self.output.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def jobs(self):
        """What Slurm knows of each of the run's jobs, and its rule, by submission."""
        shown = subprocess.check_output(
            ["scontrol", "show", "job", "--oneliner"], text=True
        )
        jobs = []
        for line in shown.splitlines():
            fields = dict(re.findall(r"(\S+?)=(\S*)", line))
            if fields.get("StdOut", "").startswith(str(self.folder)):
                tres = dict(re.findall(r"(\w+)=(\w+)", fields["TRES"]))
                rule = RULE.match(fields["Comment"])[1]
                jobs.append(fields | {"rule": rule, "tres": tres})
        return jobs

    def training_job(self):
        """The job that trains, as soon as it has saved a state."""
        state = self.folder / f"{NETWORK}.partial"
        deadline = time.monotonic() + 90
        while not state.exists():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)
        return self.jobs()[-1]["JobId"]

    def resumed_after(self):
        """The epoch that the finished training went on from."""
        log = self.folder / "logs/smoke/train_network/seed0_batch_norm.log"
        return int(re.search(r"going on after epoch (\d+)", log.read_text())[1])


@pytest.fixture
def launch(slurm, tmp_path):
    """Start a `Run`; what is left of it is ended after the test."""
    runs = []

    def start(settings, *arguments):
        runs.append(Run(tmp_path, settings, *arguments))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()


def minutes(limit):
    """A time limit of Slurm's, [days-]hours:minutes:seconds."""
    days, _, clock = limit.rpartition("-")
    hours, whole, _ = map(int, clock.split(":"))
    return (int(days or 0) * 24 + hours) * 60 + whole


def weights(folder):
    return torch.load(folder / NETWORK, weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Weights that were trained at one go."""
    folder = tmp_path_factory.mktemp("undisturbed")
    settings = changed(folder, yaml.safe_dump(TRAINING))
    # As many threads as in Slurm's job.
    threads = ("--cores", str(os.cpu_count()), "--set-threads", "train_network=8")
    done = snakemake(folder, NETWORK, *threads, *CONFIGS, settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return weights(folder)


def assert_resumed(run, expected):
    """The training went on from a saved epoch, to exactly these weights."""
    assert run.resumed_after() >= 1
    found = weights(run.folder)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


@pytest.mark.alone
def test_a_sweep_runs_and_asks_for_what_it_needs(launch):
    run = launch(TWO_OF_EACH)
    run.finish()
    assert (run.folder / "results/smoke/index.html").exists()
    # Here, where there is no GPU, `auto` would ask for none.
    named = yaml.safe_dump(TWO_OF_EACH | {"device": "cuda"})
    expected = demands(changed(run.folder / "results", named))
    jobs = run.jobs()
    rules = [job["rule"] for job in jobs]
    assert set(rules) == CPU_RULES | GPU_RULES
    assert all(rules.count(rule) <= 1 for rule in SHARED)
    for job in jobs:
        needs_gpu = job["rule"] in GPU_RULES
        assert job.get("TresPerJob") == ("gres:gpu:1" if needs_gpu else None)
        assert job["Partition"] == ("gpu" if needs_gpu else "cpu")
        assert job["tres"]["cpu"] == ("8" if needs_gpu else "1")
        assert job["tres"]["mem"] == f"{expected[job['rule']]['mem_mb']}M"
        runtime = expected[job["rule"]]["runtime"] * SHARED.get(job["rule"], 1)
        assert minutes(job["TimeLimit"]) == runtime


@pytest.mark.alone
def test_a_cancelled_job_is_resubmitted_with_more_and_resumes(launch, undisturbed):
    run = launch(TRAINING, NETWORK)
    subprocess.run(["scancel", run.training_job()], check=True)
    run.finish()
    first, second = run.jobs()
    assert first["JobState"] == "CANCELLED"
    assert minutes(second["TimeLimit"]) == 2 * minutes(first["TimeLimit"])
    first_memory, memory = (int(job["tres"]["mem"].rstrip("M")) for job in run.jobs())
    assert memory == 2 * first_memory
    assert_resumed(run, undisturbed)


@pytest.mark.hand
def test_a_preempted_job_resumes(launch, undisturbed):
    run = launch(TRAINING, NETWORK)
    subprocess.run(["scontrol", "requeue", run.training_job()], check=True)
    run.finish()
    (job,) = run.jobs()
    assert job["Restarts"] == "1"
    assert_resumed(run, undisturbed)


@pytest.mark.hand
def test_ctrl_c_cancels_the_jobs_and_the_same_command_resumes(launch, undisturbed):
    run = launch(TRAINING, NETWORK)
    run.training_job()
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(60) != 0
    (job,) = run.jobs()
    assert job["JobState"] == "CANCELLED"
    again = launch(TRAINING, NETWORK)
    again.finish()
    assert_resumed(again, undisturbed)


@pytest.mark.alone
def test_a_run_goes_on_after_its_main_process_was_killed(launch, undisturbed):
    run = launch(TRAINING, NETWORK)
    orphan = run.training_job()
    run.kill()
    subprocess.run(["scancel", orphan], check=True)
    unlocked = snakemake(run.folder, "--unlock", *run.configs)
    assert unlocked.returncode == 0, unlocked.stdout + unlocked.stderr
    again = launch(TRAINING, NETWORK)
    again.finish()
    assert_resumed(again, undisturbed)


@pytest.mark.alone
def test_a_job_out_of_time_is_resubmitted_and_resumes(launch, undisturbed):
    run = launch(TRAINING, NETWORK, "--set-resources", "train_network:runtime=attempt")
    # Stopped, so that it is not done in its minute.
    subprocess.run(["scancel", "--signal=STOP", run.training_job()], check=True)
    run.finish()
    first, second = run.jobs()
    assert first["JobState"] == "TIMEOUT"
    assert minutes(second["TimeLimit"]) == 2 * minutes(first["TimeLimit"])
    assert_resumed(run, undisturbed)

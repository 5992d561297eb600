"""No two processes do one job, and none outlives the run that would note its result."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import psutil
import pytest
from running import CONFIGS, ROOT, changed, command, snakemake

from normscope import locks
from normscope.job import BlockedError, atomic_write

JOB = """
import sys, time
from normscope.job import log_to
log_to(sys.argv[1])
print("at work")
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def start(tmp_path):
    """Start a process that does a job for so many seconds, and wait for its lock."""
    started = []

    def begin(seconds, **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", JOB, tmp_path / "job.log", str(seconds)],
            env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")} | environment,
        )
        started.append(process)
        while process.poll() is None and not says(tmp_path / "job.log", "at work"):
            time.sleep(0.1)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def says(log, text):
    return log.exists() and text in log.read_text()


def test_a_second_process_names_the_first_and_leaves_the_job(start, tmp_path):
    first = start(60)
    second = start(0)
    assert second.wait() == 1
    (line,) = (tmp_path / "job.log").read_text().splitlines()[-1:]
    assert line.startswith(f"error: process {first.pid} on {platform.node()}")
    assert f"kill {first.pid}" in line
    assert first.poll() is None
    first.kill()
    first.wait()
    assert start(0).wait() == 0  # in place of one that was killed
    assert not (tmp_path / "job.log.lock").exists()


def test_a_job_ends_with_the_process_that_started_it(start, tmp_path):
    starter = subprocess.Popen(["sleep", "60"])
    began = psutil.Process(starter.pid).create_time() - psutil.boot_time()
    said = f"{starter.pid} {began} {locks._host()}"
    job = start(60, **{locks.STARTED_BY: said})
    time.sleep(2 * locks.BEAT)
    assert job.poll() is None
    starter.kill()  # and nobody waits for it, as where the system ends a process
    assert job.wait(10 * locks.BEAT) != 0
    starter.wait()
    assert "started this job is gone" in (tmp_path / "job.log").read_text()


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """The lock of a process on another host."""
    monkeypatch.setattr(locks, "_held", [])
    monkeypatch.setattr(locks, "PATIENCE", 2.5)
    path = tmp_path / "job.log.lock"
    path.write_text("77 900.00 node7")
    return path


def test_a_process_on_another_host_is_waited_for_and_named(lock):
    def beat():
        for _ in range(20):
            time.sleep(0.1)
            os.utime(lock)

    thread = Thread(target=beat)
    thread.start()
    said = locks.take(lock)
    thread.join()
    assert said.startswith("process 77 on node7")
    assert lock.read_text().endswith("node7")


def test_one_that_shows_no_life_is_replaced(lock):
    assert locks.take(lock) is None
    assert lock.read_text() == locks.process()


@pytest.mark.parametrize("said", ["", "half a li", "1 7e9 {host}", "x y {host}"])
def test_what_names_no_process_is_replaced(lock, said):
    """Cut short, or with the number of one that began at another time."""
    lock.write_text(said.format(host=locks._host()))
    assert locks.take(lock) is None


def test_a_process_of_another_container_is_no_process_of_this_one(lock, monkeypatch):
    """Of the same host name, where its number is another process's, or nobody's."""
    lock.write_text(locks.process().replace("pid:[", "pid:[7"))
    monkeypatch.setattr(locks, "_pulse", lambda _: time.monotonic())
    assert locks.take(lock).startswith(f"process {os.getpid()} on {platform.node()}")


def test_a_clock_that_is_set_ends_no_process(monkeypatch):
    """The time of day at which a process began, and its host, moves with it."""
    me, real = locks.process(), psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda p: real(p) + 3600)
    boot = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600)
    assert locks._lives(me)


def write(path):
    with atomic_write(str(path)) as partial:
        partial.write_text("mine")


def test_a_process_that_lost_its_lock_writes_nothing(lock, tmp_path):
    """As one that was stopped for long, and goes on."""
    locks.take(lock)
    write(tmp_path / "before")
    lock.write_text("78 900.00 node8")
    with pytest.raises(BlockedError, match=r"another process does .*: 78 .* node8"):
        write(tmp_path / "after")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "before", lock]


def test_a_process_that_lost_its_lock_in_mid_write_harms_nothing(
    lock, tmp_path, monkeypatch
):
    """Neither what the other process has written since, nor what it is writing."""
    final, other = tmp_path / "result", "78 900.00 node8"

    def go_on_after_the_other():
        with atomic_write(str(final)) as partial, open(partial, "w") as file:
            print("half", file=file, flush=True)
            with monkeypatch.context() as patch:
                patch.setattr(locks, "process", lambda: other)
                lock.write_text(other)
                write(final)
                partial.write_text("the next")
            print("late", file=file, flush=True)

    locks.take(lock)
    with pytest.raises(BlockedError, match="another process does this job now"):
        go_on_after_the_other()
    assert final.read_text() == "mine"
    assert (tmp_path / ".result.unfinished").read_text() == "the next"


def test_a_lock_that_was_removed_is_said_to_be(lock, tmp_path):
    """As with all logs, during a run."""
    locks.take(lock)
    lock.unlink()
    with pytest.raises(BlockedError, match=f"{lock} was removed while this job"):
        write(tmp_path / "after")


@pytest.mark.long
def test_a_run_goes_on_after_its_main_process_was_killed(tmp_path):
    """And nothing else was: the job ends by itself, and leaves its state."""
    settings = "training: {epochs: 300, end_epoch: 600, batch_size: 60}"
    target = "results/smoke/seed0/no_batch_norm/network.pt"
    arguments = ("--cores", "1", *CONFIGS, changed(tmp_path, settings), "--", target)
    log = tmp_path / "logs/smoke/train_network/seed0_no_batch_norm.log"
    lock, partial = Path(f"{log}.lock"), tmp_path / f"{target}.partial"
    with open(tmp_path / "output", "w") as output:
        main = subprocess.Popen(command(tmp_path, *arguments), stdout=output)
    while main.poll() is None and not partial.exists():
        time.sleep(0.1)
    job = psutil.Process(int(lock.read_text().split()[0]))
    main.kill()
    main.wait()
    job.wait(60)
    assert partial.exists()
    assert not (tmp_path / target).exists()
    assert snakemake(tmp_path, "--unlock", *CONFIGS).returncode == 0
    done = snakemake(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "going on after" in log.read_text()
    assert not lock.exists()

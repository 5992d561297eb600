"""A run that is killed again and again ends with the results of an undisturbed one."""

import os
import random
import re
import signal
import subprocess
import time
from contextlib import suppress

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from running import CONFIGS, command

CLOCK = ["seconds"]  # columns and attributes that no two runs share


def killed_after(directory, seconds):
    """Start the run, kill all of its processes; the rules that were at work, or None.

    None means that it came to its end before.
    """
    with open(directory / "output", "w+") as output:
        run = subprocess.Popen(
            command(directory, "--rerun-incomplete", *CONFIGS),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):
            run.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        time.sleep(0.5)  # for the jobs to be gone
    text = (directory / "output").read_text()
    assert run.returncode in (0, -signal.SIGKILL), text
    if run.returncode == 0:
        return None
    subprocess.run(
        command(directory, "--unlock", *CONFIGS), check=True, capture_output=True
    )
    started = re.findall(r"rule (\w+):.*?jobid: (\d+)", text, re.DOTALL)
    ended = set(re.findall(r"Finished jobid: (\d+)", text))
    return [rule for rule, number in started if number not in ended]


def facts(item):
    """Attributes of a file, group or data set, but for times."""
    return {name: str(value) for name, value in item.attrs.items() if name not in CLOCK}


def compare(first, second):
    """Assert that two runs have the same data sets, weights, tables and figures; how
    many data sets.
    """
    datasets = 0
    paths = sorted(path.relative_to(first) for path in (first / "results").rglob("*.*"))
    for path in paths:
        one, two = first / path, second / path
        if path.suffix == ".h5":
            datasets += compare_datasets(one, two)
        elif path.suffix == ".pt":
            one, two = (torch.load(p, weights_only=True) for p in (one, two))
            for name, weights in one["state_dict"].items():
                assert torch.equal(weights, two["state_dict"][name])
        elif path.suffix == ".csv":
            one, two = (
                pd.read_csv(p).drop(columns=CLOCK, errors="ignore") for p in (one, two)
            )
            if path.name == "claims.csv":  # one of its rows is of seconds
                one, two = (table[table.id != "C11"] for table in (one, two))
            pd.testing.assert_frame_equal(one, two)
        elif path.suffix == ".svg":
            assert one.read_bytes() == two.read_bytes(), path.name
    return datasets


def compare_datasets(one, two):
    with h5py.File(one) as one, h5py.File(two) as two:
        assert facts(one) == facts(two)
        names = []
        one.visit(names.append)
        for name in names:
            assert facts(one[name]) == facts(two[name])
            if isinstance(one[name], h5py.Dataset):
                np.testing.assert_array_equal(one[name][()], two[name][()])
        return sum(isinstance(one[name], h5py.Dataset) for name in names)


def resumed(folder):
    """The rules of jobs that went on from a state."""
    logs = (folder / "logs").rglob("*.log")
    return {log.parent.name for log in logs if "going on after" in log.read_text()}


@pytest.mark.parametrize(
    ("kills", "longest"),
    [
        pytest.param(4, 40, marks=pytest.mark.alone),
        pytest.param(24, 14, marks=pytest.mark.hand),
    ],
)
def test_kills_change_nothing(finished, tmp_path, kills, longest):
    """Each after so many seconds at most; a run that ends before is followed by one.

    Kills that meet no job do not count.
    """
    moments, hit, gone_on, runs = random.Random(kills), [], set(), 0
    while len(hit) < kills:
        folder = tmp_path / f"run{runs}"
        folder.mkdir()
        runs += 1
        while len(hit) < kills:
            rules = killed_after(folder, moments.uniform(4, longest))
            if rules is None:
                break
            hit += [rules] if rules else []
        while killed_after(folder, 900) is not None:
            pass
        datasets = compare(finished, folder)
        assert datasets > 500
        gone_on |= resumed(folder)
        assert not list((folder / "results").rglob("*.partial"))
        assert not list((folder / "results").rglob(".*.unfinished"))
    rules = sorted({rule for names in hit for rule in names})
    assert kills < 20 or len(rules) > 10
    print(
        f"{kills} kills, of {', '.join(rules)}; gone on: {', '.join(sorted(gone_on))}; "
        f"{datasets} data sets the same in each of {runs} runs"
    )

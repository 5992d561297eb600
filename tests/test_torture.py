"""A run that is killed again and again ends with the results of an undisturbed one."""

import os
import random
import re
import signal
import subprocess
import time

import pandas as pd
import pytest
from running import CONFIGS, command, compare_datasets

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
        try:
            code = run.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            time.sleep(0.5)  # for the jobs to be gone
        text = (directory / "output").read_text()
    assert run.returncode in (0, -signal.SIGKILL), text
    if run.returncode == 0:
        assert code == 0
        return None
    started = re.findall(r"rule (\w+):", text)
    ended = len(re.findall(r"Finished jobid", text))
    subprocess.run(
        command(directory, "--unlock", *CONFIGS), check=True, capture_output=True
    )
    return started[ended:]


def compare(first, second):
    """Assert that all datasets and tables of two runs are equal; how many there are."""
    count = compare_datasets(first, second)
    for path in sorted((first / "results").rglob("*.csv")):
        one, two = (
            pd.read_csv(p).drop(columns=CLOCK, errors="ignore")
            for p in (path, second / path.relative_to(first))
        )
        if path.name == "claims.csv":  # one of its rows is of seconds
            one, two = (table[table.id != "C11"] for table in (one, two))
        pd.testing.assert_frame_equal(one, two)
        count += 1
    return count


@pytest.mark.parametrize(
    ("kills", "longest"), [(4, 40), pytest.param(24, 14, marks=pytest.mark.slow)]
)
def test_kills_change_nothing(finished, tmp_path, kills, longest):
    """Each after so many seconds at most; a run that ends before is followed by one."""
    moments, hit, runs = random.Random(kills), [], 0
    while len(hit) < kills:
        folder = tmp_path / f"run{runs}"
        folder.mkdir()
        runs += 1
        while len(hit) < kills:
            rules = killed_after(folder, moments.uniform(4, longest))
            if rules is None:
                break
            hit.append(rules)
        while killed_after(folder, 900) is not None:
            pass
        compared = compare(finished, folder)
        assert compared > 500
        assert not list((folder / "results").rglob("*.partial"))
        assert not list((folder / "results").rglob(".*.unfinished"))
    rules = sorted({rule for names in hit for rule in names})
    print(f"{len(hit)} kills, of {', '.join(rules)}; {compared} data sets and tables")

"""Logs, whole outputs and refusals, in a process of their own."""

import subprocess
import sys

import pytest

from normscope.job import atomic_write


def run(code, tmp_path):
    log = tmp_path / "logs/deep/rule.log"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from normscope.job import *; log_to({str(log)!r}); {code}",
        ],
        cwd="scripts",
        capture_output=True,
        text=True,
    )
    return done, log.read_text()


def test_the_log_gets_prints_and_native_output(tmp_path):
    done, log = run(
        "print('one'); os.write(1, b'two\\n'); os.write(2, b'three')", tmp_path
    )
    assert log == "one\ntwo\nthree"
    assert (done.stdout, done.stderr) == ("", "")


def test_a_refusal_is_one_line_and_fails(tmp_path):
    done, log = run("raise UserError('config key x: say y')", tmp_path)
    assert done.returncode != 0
    assert log == "error: config key x: say y\n"


def test_other_errors_keep_their_traceback(tmp_path):
    done, log = run("1 / 0", tmp_path)
    assert done.returncode != 0
    assert "Traceback" in log


def test_there_is_no_bar_without_a_terminal(tmp_path):
    done, log = run("progress(3, 'bar', 'steps').update()", tmp_path)
    assert log == done.stderr == ""


def test_an_output_is_whole_or_absent(tmp_path):
    path = tmp_path / "deep/out.txt"
    with atomic_write(str(path)) as partial:
        partial.write_text("done")
    assert path.read_text() == "done"
    with pytest.raises(ZeroDivisionError), atomic_write(str(path)) as partial:  # noqa: PT012
        partial.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "done"
    assert list(path.parent.iterdir()) == [path]

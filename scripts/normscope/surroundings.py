"""The environment that jobs inherit, made independent of the user's shell."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from shlex import quote


def settle(scripts: str) -> None:
    """Let jobs find the package in that folder before any other of its name, draw
    without a screen, start where paths have blanks, and leave cores to one another.
    """
    # Snakemake puts a script's own folder last: after PYTHONPATH and, with --sdm conda,
    # after the paths of this process.
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(_first(scripts, given))
    sys.path[:] = _first(scripts, sys.path)
    # A notebook's backend, which its shell commands inherit, is not there for a job.
    os.environ["MPLBACKEND"] = "agg"
    # A home may be read-only, or hold a style.
    os.environ["MPLCONFIGDIR"] = str(Path(".snakemake/matplotlib").absolute())
    # OpenMP threads that spin while they wait made a Hessian 5 to 9 times slower beside
    # another busy process; alone, waiting passively costs nothing.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Snakemake calls it without quotes (its issue 2645).
    if Path(sys.executable).exists():
        sys.executable = quote(sys.executable)


def _first(path: str, others: Iterable[str]) -> list[str]:
    return [path, *(other for other in others if other and other != path)]

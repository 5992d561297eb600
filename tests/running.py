"""How tests run the workflow: by Snakemake, in folders of their own."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SMOKE = ROOT / "tests/smoke.yaml"
CONFIGS = ("--configfile", SMOKE)
TARGETS = {"all", "default"}  # rules that make nothing themselves


def command(directory, *arguments, root=ROOT, python=sys.executable):
    """How Snakemake is called on the project with results in `directory`.

    On one core where another test runs on the other.
    """
    cores = "1" if "PYTEST_XDIST_WORKER" in os.environ else "2"
    return [
        python, "-m", "snakemake", "--snakefile", root / "Snakefile",
        "--directory", directory, "--cores", cores, *arguments,
    ]  # fmt: skip


def snakemake(directory, *arguments, root=ROOT, python=sys.executable, **options):
    """Run it to its end, with options of subprocess.run."""
    return subprocess.run(
        command(directory, *arguments, root=root, python=python),
        capture_output=True,
        text=True,
        **options,
    )


def changed(folder, text):
    """A further config file that holds the text."""
    path = folder / "change.yaml"
    path.write_text(text)
    return path


def run(directory, *arguments, **options):
    """Run it at the tests' sizes; return what it printed."""
    more = [a for a in arguments if isinstance(a, str)]
    configs = [a for a in arguments if isinstance(a, Path)]
    done = snakemake(directory, *CONFIGS, *configs, *more, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules_of(output):
    """The rules that a dry run would run."""
    return set(re.findall(r"rule (\w+):", output)) - TARGETS


def copy_of_the_project(copy):
    """What runs need of it, with times of its own."""
    for name in ("workflow", "scripts", "envs", "profiles"):
        shutil.copytree(ROOT / name, copy / name, copy_function=shutil.copyfile)
    for name in ("Snakefile", "config.yaml", "Makefile"):
        shutil.copyfile(ROOT / name, copy / name)
    return copy


def confined(project):
    """The project, where jobs that draw, judge and tell see only what their rules name.

    Snakemake starts anew for each of these jobs.
    """
    for name in ("figures", "report"):
        rules = project / f"workflow/rules/{name}.smk"
        text = re.sub(
            r"^( +)log:$", r'\1shadow: "minimal"\n\1log:', rules.read_text(), flags=re.M
        )
        rules.write_text(text)
    return project


def environment_in(project):
    """A .venv as `make` sets it up, with the packages of this one; its Python."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True
    )
    purelib = sysconfig.get_path("purelib", vars={"base": str(project / ".venv")})
    Path(purelib, "these.pth").write_text(sysconfig.get_path("purelib"))
    program = project / ".venv/bin/snakemake"
    program.write_text('#!/bin/sh\nexec "${0%/*}/python" -m snakemake "$@"\n')
    program.chmod(0o755)
    (project / ".venv/ready").write_text(f"{project}\n")
    return project / ".venv/bin/python"


def hostile(folder):
    """Options of a process whose user has a notebook's backend, packages of our names
    on the path, an old locale and a home that nothing can be written to.
    """
    for name in ("scripts", "normscope"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('foreign')")
    strange = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONPATH": str(folder),
        "LC_ALL": "C",
        "HOME": "/dev/null",
    }
    return {"env": os.environ | strange, "umask": 0o077}

"""How tests run the workflow: by Snakemake, in folders of their own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def snakemake(directory, *arguments, root=ROOT):
    """Run Snakemake on the project with results in `directory`."""
    return subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile",
            "--directory", directory, "--cores", "2", *arguments,
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip


CONFIGS = ("--configfile", ROOT / "config.yaml", ROOT / "tests/smoke.yaml")


def changed(folder, text):
    """A further config file that holds the text."""
    path = folder / "change.yaml"
    path.write_text(text)
    return path


def run(directory, *arguments):
    """Run it at the tests' sizes; return what it printed."""
    options = [a for a in arguments if isinstance(a, str)]
    configs = [a for a in arguments if isinstance(a, Path)]
    done = snakemake(directory, *options, *CONFIGS, *configs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr

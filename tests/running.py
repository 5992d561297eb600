"""How tests run the workflow: by Snakemake, in folders of their own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def command(directory, *arguments, root=ROOT):
    """How Snakemake is called on the project with results in `directory`."""
    return [
        sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile",
        "--directory", directory, "--cores", "2", *arguments,
    ]  # fmt: skip


def snakemake(directory, *arguments, root=ROOT):
    """Run it to its end."""
    return subprocess.run(
        command(directory, *arguments, root=root), capture_output=True, text=True
    )


CONFIGS = ("--configfile", ROOT / "config.yaml", ROOT / "tests/smoke.yaml")


def changed(folder, text):
    """A further config file that holds the text."""
    path = folder / "change.yaml"
    path.write_text(text)
    return path


def run(directory, *arguments, root=ROOT):
    """Run it at the tests' sizes; return what it printed."""
    options = [a for a in arguments if isinstance(a, str)]
    configs = [a for a in arguments if isinstance(a, Path)]
    done = snakemake(directory, *options, *CONFIGS, *configs, root=root)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr

"""The edge between a script and Snakemake: log, outputs, progress, refusals."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm


class Refused(Exception):
    """A mistake that the user can mend; its message is one line that says how."""


def log_to(path: str) -> None:
    """Send stdout and stderr of this process, native output included, to the file.

    A `Refused` that nothing catches leaves its one line there, without a traceback.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    global _terminal
    _terminal = os.fdopen(os.dup(2), "w")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.stdout.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout.reconfigure(line_buffering=True)
    sys.excepthook = _one_line_for_refusals


def _one_line_for_refusals(kind, error, traceback) -> None:
    if issubclass(kind, Refused):
        print(f"Refused: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


_terminal = sys.stderr


def progress(total: int | None, description: str, unit: str) -> tqdm:
    """A bar on the terminal that started this job; silent where there is none."""
    return tqdm(
        total=total,
        desc=description,
        unit=f" {unit}",
        file=_terminal,
        disable=not _terminal.isatty(),
        leave=False,
    )


@contextmanager
def whole(path: str) -> Iterator[Path]:
    """A temporary path that becomes `path` if the block ends well, else vanishes."""
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        yield partial
        os.replace(partial, final)
    finally:
        partial.unlink(missing_ok=True)

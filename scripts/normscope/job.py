"""The edge between a script and Snakemake: log, outputs, progress, errors."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path
from tempfile import TemporaryFile

from tqdm import tqdm

from normscope import locks

LITTLE_SPACE = 2**16  # bytes; what a failed write leaves free


class UserError(Exception):
    """A mistake that the user can mend; its message is one line that says how."""


class BlockedError(UserError):
    """An obstacle outside the job, such as a full disk or a file in use; once it is
    gone, the job goes on from its state.
    """


def log_to(path: str) -> None:
    """Send stdout and stderr of this process, native output included, to the file.

    A `UserError` that nothing catches leaves its one line there, without a traceback;
    so does a GPU whose memory is full. Raises BlockedError where another process
    does the job that has this log.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    global _terminal
    _terminal = os.fdopen(os.dup(2), "w")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.stdout.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout.reconfigure(line_buffering=True)
    sys.excepthook = _one_line_for_users
    if said := locks.take(Path(f"{path}.lock")):
        raise BlockedError(said)


def _one_line_for_users(kind, error, traceback) -> None:
    if kind.__name__ == "OutOfMemoryError":
        kind = UserError
        error = UserError(
            "the GPU's memory is full; lower config key hessian.memory_gb, "
            "hessian.batch_size, training.batch_size, perturbation.images or "
            "initialisation.images (no batch is ever split, since active batch norm "
            "would compute something else)"
        )
    if not issubclass(kind, UserError):
        sys.__excepthook__(kind, error, traceback)
        return
    try:
        print(f"error: {error}", file=sys.stderr, flush=True)
    except OSError:  # a full disk has no room for the log either
        print(f"error: {error}", file=_terminal, flush=True)


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
def atomic_write(path: str) -> Iterator[Path]:
    """A temporary path, renamed to `path` on success and removed otherwise.

    What a killed job left is removed by the next run. Raises BlockedError where the
    disk is full or may not be written to, or another process has taken this job over.
    """
    final = Path(path)
    partial = final.with_name(f".{final.name}.unfinished")
    try:
        _refuse_if_lost()
        final.parent.mkdir(parents=True, exist_ok=True)
        # A process that was stopped may still have it open, and would write into ours.
        partial.unlink(missing_ok=True)
        yield partial
        _refuse_if_lost()
        os.replace(partial, final)
    except (OSError, RuntimeError) as error:
        if reason := _why_not_written(final.parent):
            raise BlockedError(f"{path} cannot be written: {reason}") from error
        raise
    finally:
        with suppress(OSError):
            if locks.lost() is None:  # else it is another process's
                partial.unlink(missing_ok=True)


def _refuse_if_lost() -> None:
    if said := locks.lost():
        raise BlockedError(said)


def _why_not_written(folder: Path) -> str | None:
    """Why the folder cannot be written to, by trying: nothing else shows a quota."""
    while not folder.exists():
        folder = folder.parent
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(LITTLE_SPACE))
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno == ENOSPC:
            return "the disk is full; make room and run again"
        if error.errno == EDQUOT:
            return "your share of the disk is full; make room and run again"
        return (
            f"{folder} is read-only; allow writing, or run in another folder"
            if isinstance(error, PermissionError) or error.errno == EROFS
            else f"{folder}: {os.strerror(error.errno)}; mend that and run again"
        )
    return None

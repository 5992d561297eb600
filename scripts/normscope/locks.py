"""One process at a time does a job: a lock that names it, and its signs of life."""

import atexit
import os
import platform
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread

import psutil

BEAT = 2.0  # seconds between signs of life
PATIENCE = 30.0  # seconds without one, after which a process elsewhere counts as gone
STARTED_BY = "NORMSCOPE_STARTED_BY"  # in the environment of a job

_held: list[Path] = []


@cache
def process() -> str:
    """This process: its number, when it began, in seconds from the start of its host,
    and that host.
    """
    return f"{os.getpid()} {_began(psutil.Process()):.2f} {platform.node()}"


def _began(process: psutil.Process) -> float:
    """By a clock that nobody sets; the time of day may be, while a process runs."""
    return process.create_time() - psutil.boot_time()


def start_jobs() -> None:
    """Let the jobs that this process starts know it."""
    os.environ[STARTED_BY] = process()


def take(path: Path) -> str | None:
    """Hold the lock for as long as this process lives; or, where another holds it, one
    line that says which, and what to do.

    A lock whose process is gone is taken over. This process ends when that one does
    which started it, as nobody would note what it makes.
    """
    with suppress(FileExistsError), open(path, "x") as file:
        file.write(process())
    holder = _holder(path)
    if holder != process():
        if _lives(holder, path):
            number, _, host = holder.split(maxsplit=2)
            return (
                f"process {number} on {host}, left by an earlier run, still does this "
                f"job; end it there (kill {number}) and run again"
            )
        path.write_text(process())
    _held.append(path)
    atexit.register(_leave)
    Thread(target=_beat, args=(os.environ.get(STARTED_BY),), daemon=True).start()
    return None


def lost() -> str | None:
    """One line that says so where another process took the lock over, since this one
    was not seen to live.
    """
    if all(_holder(path) == process() for path in _held):
        return None
    return f"another process does this job now: {', '.join(map(_holder, _held))}"


def _leave() -> None:
    if lost() is None:
        for path in _held:
            path.unlink()


def _beat(started_by: str | None) -> None:
    while started_by is None or _lives(started_by):
        time.sleep(BEAT)
        for path in _held:
            with suppress(OSError):
                os.utime(path)
    print("the process that started this job is gone, so it ends here", flush=True)
    os._exit(1)


def _holder(lock: Path) -> str:
    return lock.read_text() if lock.exists() else ""


def _lives(said: str, lock: Path | None = None) -> bool:
    """Whether the process lives; on another host, whether its lock shows it."""
    try:
        number, start, host = said.split(maxsplit=2)
        if host == platform.node():
            holder = psutil.Process(int(number))
            is_it = abs(_began(holder) - float(start)) < 1
            return is_it and holder.status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.Error):  # names no process, or one that is gone
        return False
    if lock is None:
        return True
    print(f"process {number} on {host} had this job: does it still live?", flush=True)
    before, end = _pulse(lock), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        time.sleep(1)
        if _pulse(lock) != before:
            return lock.exists()
    return False


def _pulse(lock: Path) -> int | None:
    with suppress(FileNotFoundError), open(lock) as file:  # opened, NFS looks anew
        return os.fstat(file.fileno()).st_mtime_ns
    return None

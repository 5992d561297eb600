"""A lock that lets one process at a time do a job, and names that process."""

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
    return f"{os.getpid()} {_began(psutil.Process()):.2f} {_host()}"


@cache
def _host() -> str:
    """The host by its name, and by what tells it from another of that name, from itself
    before it was started anew, and from a container with processes of its own.
    """
    with suppress(OSError):  # only Linux says
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{platform.node()} {boot} {os.readlink('/proc/self/ns/pid')}"
    return platform.node()


def _began(process: psutil.Process) -> float:
    """By a clock that nobody sets; the time of day may be, while a process runs."""
    return process.create_time() - psutil.boot_time()


def start_jobs() -> None:
    """Tell the jobs that this process starts which process that is."""
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
            number, _, host = holder.split()[:3]
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
    for path in _held:
        if (holder := _holder(path)) != process():
            return (
                f"another process does this job now: {holder}"
                if holder
                else f"{path} was removed while this job held it; run again"
            )
    return None


def _leave() -> None:
    if lost() is None:
        for path in _held:
            path.unlink()


def _beat(started_by: str | None) -> None:
    while started_by is None or _lives(started_by):
        time.sleep(BEAT)
        for path in _held:
            with suppress(OSError):
                if _holder(path) == process():
                    os.utime(path)
    with suppress(OSError):  # on a full disk it ends too
        print("the process that started this job is gone, so it ends here", flush=True)
    os._exit(1)


def _holder(lock: Path) -> str:
    with suppress(FileNotFoundError):  # its process may end at any moment
        return lock.read_text()
    return ""


def _lives(said: str, lock: Path | None = None) -> bool:
    """Whether the process lives; on another host, whether its lock shows it."""
    try:
        number, start, host = said.split(maxsplit=2)
        if host == _host():
            holder = psutil.Process(int(number))
            is_it = abs(_began(holder) - float(start)) < 1
            return is_it and holder.status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.Error):  # names no process, or one that is gone
        return False
    if lock is None:
        return True
    name = host.split()[0]
    print(f"process {number} on {name} had this job: does it still live?", flush=True)
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

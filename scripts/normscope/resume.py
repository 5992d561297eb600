"""State of a long job beside its output, so that a job that was killed goes on."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from normscope.job import UNREADABLE, NotWritten, Refused, whole


class State:
    """What a job has come to, in `<output>.partial`; made by `resumable`."""

    def __init__(self, path: Path, made_by: str) -> None:
        self.path, self.made_by = path, made_by

    def load(self) -> dict[str, Any] | None:
        """What was saved with the same code, settings and inputs, if anything."""
        try:
            content = torch.load(self.path, weights_only=True)
            same = content["made_by"] == self.made_by
        except UNREADABLE:
            return None
        return content["state"] if same else None

    def save(self, state: dict[str, Any]) -> None:
        """Replace what was saved, whole."""
        with whole(str(self.path)) as path:
            torch.save({"made_by": self.made_by, "state": state}, path)


@contextmanager
def resumable(job: SimpleNamespace, output: str) -> Iterator[State]:
    """The job's state; forgotten when the block ends, or refuses to go on, unless it is
    for want of room.

    A state is known by the job's params, which hold the digests of its code, and by
    what its input files hold.
    """
    made_by = hashlib.sha256(repr(list(job.params)).encode())
    for path in job.input:
        with open(path, "rb") as file:
            made_by.update(hashlib.file_digest(file, "sha256").digest())
    state = State(Path(f"{output}.partial"), made_by.hexdigest())
    try:
        yield state
    except NotWritten:
        raise
    except Refused:
        state.path.unlink(missing_ok=True)
        raise
    state.path.unlink(missing_ok=True)

"""State of a long job beside its output, so that a job that was killed goes on."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from normscope.job import Blocked, Refused, whole
from normscope.reading import reading


class State:
    """What a job has come to, in `<output>.partial`; made by `resumable`."""

    def __init__(self, path: Path, made_by: str) -> None:
        self.path, self.made_by = path, made_by

    def load(self) -> dict[str, Any] | None:
        """What was saved with the same code, settings and inputs, if anything whole.

        Raises Blocked where there is something that cannot be read.
        """
        if not self.path.exists():
            return None
        try:
            with reading(str(self.path), "a state"):
                content = torch.load(self.path, weights_only=True)
                same = content["made_by"] == self.made_by
        except Blocked:
            raise
        except Refused:
            return None
        return content["state"] if same else None

    def save(self, state: dict[str, Any]) -> None:
        """Replace what was saved, whole."""
        with whole(str(self.path)) as path:
            torch.save({"made_by": self.made_by, "state": state}, path)


@contextmanager
def resumable(job: SimpleNamespace, output: str) -> Iterator[State]:
    """The job's state; forgotten when the block ends, or refuses to go on, unless what
    stopped it is outside the job.

    A state is known by the job's params, which hold the digests of its code, and by
    what its input files hold.
    """
    made_by = hashlib.sha256(repr(list(job.params)).encode())
    for path in job.input:
        with reading(path, "whole"), open(path, "rb") as file:
            made_by.update(hashlib.file_digest(file, "sha256").digest())
    state = State(Path(f"{output}.partial"), made_by.hexdigest())
    try:
        yield state
    except Blocked:
        raise
    except Refused:
        state.path.unlink(missing_ok=True)
        raise
    state.path.unlink(missing_ok=True)

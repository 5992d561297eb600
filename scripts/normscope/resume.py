"""State of a long job beside its output, so that a job that was killed goes on."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from normscope.job import BlockedError, UserError, atomic_write
from normscope.reading import reading


class State:
    """How far a job has come, in the file `<output>.partial`; made by `resumable`."""

    def __init__(self, path: Path, made_by: str) -> None:
        self.path, self.made_by = path, made_by

    def load(self) -> dict[str, Any] | None:
        """What was saved with the same code, settings and inputs, or None.

        None too where the file is damaged. Raises BlockedError where it cannot be read.
        """
        if not self.path.exists():
            return None
        try:
            with reading(str(self.path), "a state"):
                content = torch.load(self.path, weights_only=True)
                same = content["made_by"] == self.made_by
        except BlockedError:
            raise
        except UserError:
            return None
        return content["state"] if same else None

    def save(self, state: dict[str, Any]) -> None:
        """Replace what was saved by the state, atomically."""
        with atomic_write(str(self.path)) as path:
            torch.save({"made_by": self.made_by, "state": state}, path)


@contextmanager
def resumable(job: SimpleNamespace, output: str) -> Iterator[State]:
    """The job's state, deleted when the block ends or raises UserError, kept when it
    raises BlockedError (a full disk, a file in use).

    A state is used again where the job's params, which hold the digests of its code,
    and the contents of its input files are the same.
    """
    made_by = hashlib.sha256(repr(list(job.params)).encode())
    for path in job.input:
        with reading(path, "whole"), open(path, "rb") as file:
            made_by.update(hashlib.file_digest(file, "sha256").digest())
    state = State(Path(f"{output}.partial"), made_by.hexdigest())
    try:
        yield state
    except BlockedError:
        raise
    except UserError:
        state.path.unlink(missing_ok=True)
        raise
    state.path.unlink(missing_ok=True)

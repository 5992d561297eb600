"""Errors for files that cannot be read: only a damaged one is to be deleted."""

import os
import pickle
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL

from normscope.job import BlockedError, UserError

# What h5py and torch.load, or a look at what they gave, raise of files that are not
# the right ones.
UNREADABLE = (
    OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, MemoryError,
    pickle.PickleError, struct.error,
)  # fmt: skip


@contextmanager
def reading(path: str, kind: str) -> Iterator[None]:
    """Raise UserError where the block finds that the file is not of the kind, and
    BlockedError where it could not read it: in use, without permission, not there.
    """
    try:
        yield
    except UNREADABLE as error:
        if reason := obstacle(path, error):
            raise BlockedError(f"{path} {reason}") from error
        raise UserError(f"{path} is not {kind}; delete it and run again") from error


def obstacle(path: str, error: Exception) -> str | None:
    """Why the system could not read the file, and what to do; None where it could, so
    that its content is wrong.
    """
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error):
        return "does not fit in memory; end other programs and run again"
    if number in (None, EINVAL):  # a jump to before the start of a file that was cut
        return None
    if isinstance(error, BlockingIOError):
        return "is in use by another program; close it there and run again"
    if isinstance(error, PermissionError):
        return f"may not be read; its owner can allow it (chmod a+r {path})"
    if isinstance(error, FileNotFoundError):
        return "is not there; run again"
    return f"cannot be read: {os.strerror(number)}; mend that and run again"

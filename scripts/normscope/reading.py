"""What to say of a file that cannot be read: only a damaged one is to be deleted."""

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL

from normscope.job import Blocked, Refused

# What h5py and torch.load, or a look at what they gave, raise of files that are not
# the right ones.
UNREADABLE = (
    OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError,
    pickle.PickleError,
)  # fmt: skip


@contextmanager
def reading(path: str, kind: str) -> Iterator[None]:
    """Raise Refused where the block finds that the file is not of the kind, and Blocked
    where it could not read it: in use, without permission, not there.
    """
    try:
        yield
    except UNREADABLE as error:
        if reason := _obstacle(path, error):
            raise Blocked(f"{path} {reason}") from error
        raise Refused(f"{path} is not {kind}; delete it and run again") from error


def _obstacle(path: str, error: Exception) -> str | None:
    """Of what is wrong with a file's content, the system has no number."""
    number = getattr(error, "errno", None)
    if "DefaultCPUAllocator" in str(error):
        return "does not fit in memory; end other programs and run again"
    if number in (None, EINVAL):  # a jump to before the start of a file that was cut
        return None
    if isinstance(error, BlockingIOError):
        return "is in use by another program; close it there and run again"
    if isinstance(error, PermissionError):
        return f"may not be read; allow it (chmod u+r {path}) and run again"
    if isinstance(error, FileNotFoundError):
        return "is not there; run again"
    return f"cannot be read: {os.strerror(number)}; mend that and run again"

"""What made a result: the facts that are written into every file."""

import hashlib
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import h5py

TORCH = version("torch")


def made_by_other_torch(results: Path) -> dict[str, str]:
    """The HDF5 files under the folder that another torch version made, with that
    version.
    """
    found = {}
    for path in sorted(results.rglob("*.h5")):
        with suppress(OSError), h5py.File(path, locking=False) as file:
            found[str(path)] = file.attrs.get("torch")
    return {path: made for path, made in found.items() if made not in (None, TORCH)}


def facts(job: SimpleNamespace, device: str = "cpu") -> dict[str, str]:
    """Run, seed, network, rule, code digest, torch version and device of a job.

    Its params that are strings are the digests of its code (`digests.code`).
    """
    digests = [value for value in job.params if isinstance(value, str)]
    return {
        "run": job.config["run"],
        "seed": job.wildcards.get("seed", "all"),
        "network": job.wildcards.get("network", "all"),
        "rule": job.rule,
        "code": hashlib.sha256("\n".join(digests).encode()).hexdigest()[:8],
        "torch": TORCH,
        "device": device,
    }

"""Where and how a job computes, and its random numbers."""

import ctypes
import hashlib
import os
import sys
from types import SimpleNamespace

import psutil
import torch

from normscope.job import UserError


def prepare(name: str, threads: int) -> torch.device:
    """The device named in the config, ready for float32 work on that many threads.

    `auto` is a CUDA device where there is one. Raises UserError where the machine has
    no such device.
    """
    torch.set_num_threads(threads)
    # Without these a GPU may round the factors of its products to 10 bits.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    _keep_freed_memory()
    available = {
        "cuda": torch.cuda.is_available(),
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device("cuda" if available["cuda"] else "cpu")
    if not available[name]:
        raise UserError(
            f"config key device: this machine has no {name}; say auto or cpu"
        )
    return torch.device(name)


def allow_tf32(device: torch.device) -> None:
    """Let the GPU round the factors of products to 10 bits, for speed.

    Raises UserError on any other device, which would not.
    """
    if device.type != "cuda":
        raise UserError(
            "config key hessian.precision: tf32 needs a CUDA GPU; say float32"
        )
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cuda.matmul.allow_tf32 = True


def _keep_freed_memory() -> None:
    """Let glibc reuse large blocks instead of giving each back to the system.

    Faulting the pages in again took half of a Hessian product's time on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if sys.platform == "linux" and mallopt:
        trim_threshold, mmap_threshold = -1, -3  # malloc.h
        mallopt(mmap_threshold, 2**30)
        mallopt(trim_threshold, 2**31 - 1)


def free_gigabytes(device: torch.device, job: SimpleNamespace) -> float:
    """Free memory in GiB: of the GPU, or of the host, at most what the Slurm job
    requested.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] / 2**30
    free = psutil.virtual_memory().available / 2**30
    in_slurm = "SLURM_JOB_ID" in os.environ
    return min(free, job.resources.mem_mb / 2**10) if in_slurm else free


def describe(device: torch.device) -> str:
    """The device's own name, for the record, with the CUDA version of a GPU."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    return device.type


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A CPU generator whose numbers depend on the seed and the purpose alone."""
    name = "/".join(map(str, (seed, *purpose)))
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)

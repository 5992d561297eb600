"""Devices that this machine has, and random numbers that depend on their purpose."""

from types import SimpleNamespace

import pytest
import torch

from normscope import devices
from normscope.job import UserError


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="config key device: this machine has no cuda"):
        devices.prepare("cuda", 1)
    assert devices.prepare("auto", 1).type == "cpu"


def test_a_job_of_slurms_has_the_memory_that_it_asked_for(monkeypatch):
    cpu, job = torch.device("cpu"), SimpleNamespace(resources=SimpleNamespace(mem_mb=1))
    assert devices.free_gigabytes(cpu, job) > 0.1
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert devices.free_gigabytes(cpu, job) == 1 / 1024


def test_tf32_is_for_cuda_alone():
    with pytest.raises(UserError, match=r"hessian\.precision: tf32 needs a CUDA GPU"):
        devices.allow_tf32(torch.device("cpu"))


def test_draws_depend_on_seed_and_purpose():
    def draw(*purpose):
        return torch.randn(3, generator=devices.generator(*purpose)).tolist()

    assert draw(0, "weights") == draw(0, "weights")
    assert len({tuple(draw(*p)) for p in ((0, "a"), (1, "a"), (0, "b"))}) == 3

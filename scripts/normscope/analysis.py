"""The opening of a job: its device, its data, and the network that it looks at."""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import nn

from normscope import devices
from normscope.images import datasets
from normscope.images.datasets import Batch, Dataset
from normscope.networks import files, memory
from normscope.networks.variants import Architecture, module_of


@dataclass(frozen=True)
class Analysis:
    """A trained network in the mode in which it is analysed, and the batches that every
    analysis of its seed looks at, all on the device.
    """

    device: torch.device
    classes: list[str]
    network: nn.Module
    batches: list[Batch]


def open_data(job: SimpleNamespace) -> tuple[torch.device, Dataset]:
    """The device that the config names, and the job's data set on it."""
    device = devices.prepare(job.config["device"], job.threads)
    return device, datasets.load(job.input.dataset).to(device)


def load(
    job: SimpleNamespace, name: str, classes: int
) -> tuple[nn.Module, Architecture]:
    """The job's network, which is of that name in the config, as `files.load` gives it.

    A user's own module is the one that the config names, never one that a file does.
    """
    module = module_of(name, job.config.get("networks", {}))
    return files.load(job.input.network, classes, module)


def open_analysis(
    job: SimpleNamespace,
    batch_size: int,
    images: int | None = None,
    section: str = "hessian",
) -> Analysis:
    """The job's network, and batches of all train images or of the first `images`.

    Raises UserError, naming the key of the config, where there are too few images, or
    too little memory for a gradient on a batch of the Hessian, and where the network's
    file is damaged, of other classes or of another module.
    """
    device, dataset = open_data(job)
    seed = int(job.wildcards.seed)
    batches = datasets.fixed_batches(dataset, seed, batch_size, images, section)
    network, _ = load(job, job.wildcards.network, len(dataset.classes))
    network = files.prepare_analysis(network, device)
    if section == "hessian":  # others only go forward
        free = devices.free_gigabytes(device, job)
        memory.require_room(network, batches[0][0], free, "hessian.batch_size")
    return Analysis(device, dataset.classes, network, batches)

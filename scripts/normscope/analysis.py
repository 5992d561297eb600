"""The opening of a job: its device, its data, and the network that it looks at."""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import nn

from normscope import devices
from normscope.images import datasets
from normscope.images.datasets import Batch, Dataset
from normscope.networks import files


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


def open_analysis(
    job: SimpleNamespace,
    batch_size: int,
    images: int | None = None,
    section: str = "hessian",
) -> Analysis:
    """The job's network, and batches of all train images or of the first `images`.

    Raises UserError, naming the section of the config, where there are too few images,
    and where the network's file is damaged or of other classes.
    """
    device, dataset = open_data(job)
    seed = int(job.wildcards.seed)
    batches = datasets.fixed_batches(dataset, seed, batch_size, images, section)
    network, _ = files.load(job.input.network, len(dataset.classes))
    network = files.prepare_analysis(network, device)
    return Analysis(device, dataset.classes, network, batches)

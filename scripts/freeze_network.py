"""A copy of a trained network with its batch norm fixed to train set statistics."""

from dataclasses import replace

from normscope import devices
from normscope.analysis import load, open_data
from normscope.images import datasets
from normscope.job import log_to
from normscope.networks import batch_statistics, files, placing
from normscope.provenance import facts


def main(job):
    seed = int(job.wildcards.seed)
    device, dataset = open_data(job)
    network, architecture = load(job, job.wildcards.network, len(dataset.classes))
    datasets.say_what_is_left_out(len(dataset.train), job.params.batch_size)
    batches = datasets.augmented_batches(
        dataset, job.params.batch_size, devices.generator(seed, "refresh")
    )
    batch_statistics.refresh(
        placing.place(network, device),
        (images for images, _ in batches),
    )
    files.save(
        job.output.network,
        network,
        replace(architecture, frozen=True),
        facts(job, devices.describe(device)),
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""A copy of a trained network with its batch norm fixed to train set statistics."""

from dataclasses import replace

from normscope import datasets, devices, networks, norms
from normscope.job import log_to
from normscope.provenance import facts


def main(job):
    seed = int(job.wildcards.seed)
    device = devices.prepare(job.config["device"], job.threads)
    dataset = datasets.load(job.input.dataset).to(device)
    network, architecture = networks.load(job.input.network, len(dataset.classes))
    datasets.say_what_is_left_out(len(dataset.train), job.params.batch_size)
    batches = datasets.augmented_batches(
        dataset, job.params.batch_size, devices.generator(seed, "refresh")
    )
    norms.refresh(
        network.to(device, memory_format=networks.CHANNELS_LAST),
        (images for images, _ in batches),
    )
    networks.save(
        job.output.network,
        network,
        replace(architecture, frozen=True),
        facts(job, devices.describe(device)),
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

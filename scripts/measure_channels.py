"""Statistics of every channel of every layer of a network: channels.h5."""

import torch

from normscope import channels, datasets, devices, networks, store
from normscope.job import log_to
from normscope.provenance import facts


def main(job):
    device = devices.prepare(job.config["device"], job.threads)
    dataset = datasets.load(job.input.dataset).to(device)
    count = job.params.images
    ((images, _),) = datasets.fixed_batches(
        dataset, int(job.wildcards.seed), count, count, "perturbation"
    )
    network, _ = networks.load(job.input.network, len(dataset.classes))
    network = networks.prepare_analysis(network, device)
    layers = [name for name, _ in network.named_children()]
    arrays = {}
    with torch.no_grad():
        for layer, outputs in channels.activations(network, images):
            statistics = channels.channel_statistics(outputs)
            arrays |= store.nested(statistics, layer)
    store.write(
        job.output.channels,
        {name: values.cpu().numpy() for name, values in arrays.items()},
        facts(job, devices.describe(device))
        | {"classes": dataset.classes, "images": len(images), "layers": layers},
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

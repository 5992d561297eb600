"""Statistics of every channel of every layer of a network: channels.h5."""

import torch

from normscope import channels, datasets, devices, networks, store
from normscope.job import log_to
from normscope.provenance import facts


def main(job):
    device = devices.prepare(job.config["device"], job.threads)
    dataset = datasets.load(job.input.dataset).to(device)
    images, _ = datasets.fixed_batch(
        dataset, int(job.wildcards.seed), job.params.images, "perturbation"
    )
    network, _ = networks.load(job.input.network)
    network = networks.prepare_analysis(network, device)
    layers = [name for name, _ in network.named_children()]
    arrays = {}
    with torch.no_grad():
        for layer, outputs in channels.activations(network, images):
            for name, values in channels.channel_statistics(outputs).items():
                arrays[f"{layer}/{name}"] = values.cpu().numpy()
    store.write(
        job.output.channels,
        arrays,
        facts(job, devices.describe(device))
        | {"classes": dataset.classes, "images": len(images), "layers": layers},
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Gradients of the outputs' mean, variance and third moment: moment_gradients.h5."""

from normscope import datasets, devices, moments, networks, store
from normscope.job import log_to
from normscope.parameters import flatten, layout
from normscope.provenance import facts


def main(job):
    device = devices.prepare(job.config["device"], job.threads)
    dataset = datasets.load(job.input.dataset).to(device)
    batch_size = job.params.batch_size
    batches = datasets.fixed_batches(
        dataset, int(job.wildcards.seed), batch_size, job.params.images
    )
    network, _ = networks.load(job.input.network, len(dataset.classes))
    network = networks.prepare_analysis(network, device)
    gradients = moments.moment_gradients(network, batches).cpu().numpy()
    places = layout(network)
    store.write(
        job.output.gradients,
        dict(zip(store.MOMENTS, gradients, strict=True))
        | {
            "parameters/name": list(places),
            "parameters/shape": [shape for shape, _ in places.values()],
            "parameters/offset": [offset for _, offset in places.values()],
        },
        facts(job, devices.describe(device))
        | {
            "classes": dataset.classes,
            "parameter_norm": flatten(network.parameters()).norm().item(),
            "images": len(batches) * batch_size,
            "batch_size": batch_size,
        },
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

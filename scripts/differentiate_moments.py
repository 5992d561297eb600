"""Gradients of the outputs' mean, variance and third moment: moment_gradients.h5."""

from normscope import devices, store
from normscope.analysis import open_analysis
from normscope.job import log_to
from normscope.networks.parameters import flatten, layout
from normscope.outputs import moments
from normscope.outputs.names import MOMENTS
from normscope.provenance import facts


def main(job):
    batch_size = job.params.batch_size
    this = open_analysis(job, batch_size, job.params.images)
    gradients = moments.moment_gradients(this.network, this.batches).cpu().numpy()
    places = layout(this.network)
    store.write(
        job.output.gradients,
        moments.LAYOUT,
        dict(zip(MOMENTS, gradients, strict=True))
        | {
            "parameters/name": list(places),
            "parameters/shape": [shape for shape, _ in places.values()],
            "parameters/offset": [offset for _, offset in places.values()],
        },
        facts(job, devices.describe(this.device))
        | {
            "classes": this.classes,
            "parameter_norm": flatten(this.network.parameters()).norm().item(),
            "images": len(this.batches) * batch_size,
            "batch_size": batch_size,
        },
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Gradients of the outputs' mean, variance and third moment: moment_gradients.h5."""

import torch

from normscope import devices, store
from normscope.analysis import open_analysis
from normscope.job import log_to
from normscope.networks import layers
from normscope.networks.layer_names import layer_of
from normscope.networks.parameters import detached, flatten, layout
from normscope.outputs import moments
from normscope.outputs.names import MOMENTS
from normscope.provenance import facts


def main(job):
    batch_size = job.params.batch_size
    this = open_analysis(job, batch_size, job.params.images)
    gradients = moments.moment_gradients(this.network, this.batches).cpu().numpy()
    places, parameters = layout(this.network), detached(this.network)
    images, _ = this.batches[0]
    store.write(
        job.output.gradients,
        moments.LAYOUT,
        dict(zip(MOMENTS, gradients, strict=True))
        | {
            "parameters/name": list(places),
            "parameters/shape": padded([shape for shape, _ in places.values()]),
            "parameters/offset": [offset for _, offset in places.values()],
        },
        facts(job, devices.describe(this.device))
        | {
            "classes": this.classes,
            "layers": layers_with(parameters, this.network, images),
            "parameter_norm": flatten(parameters.values()).norm().item(),
            "images": len(this.batches) * batch_size,
            "batch_size": batch_size,
        },
    )


def padded(shapes) -> list[tuple[int, ...]]:
    """The shapes with zeros behind them, so that all are as long."""
    longest = max(map(len, shapes))
    return [(*shape, *[0] * (longest - len(shape))) for shape in shapes]


@torch.no_grad()
def layers_with(parameters, network, images) -> list[str]:
    """The layers that the parameters are of, in the order in which they run; before
    them the parameters that are of none.
    """
    ran = []
    with layers.looking(network, lambda name, layer, outputs: ran.append(name)):
        network(images)
    known = dict(layers.leaves(network))
    owners = {layer_of(name, known) for name in parameters}
    alone = [name for name in parameters if name in owners]
    in_turn = [name for name in ran if name in owners]
    return [*alone, *in_turn, *sorted(owners.difference(alone, in_turn))]


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

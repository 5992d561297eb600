"""The channels of a network, and what small steps of its parameters do to its outputs.

channels.h5 and perturbations.h5, of the same batch.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from normscope import devices, store
from normscope.analysis import open_analysis
from normscope.job import log_to, progress
from normscope.networks import conv_net, losses
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.outputs import channels
from normscope.outputs.names import MOMENTS
from normscope.provenance import facts

SIGNS = {"": 1, "_minus": -1}
# A figure shows the outputs after steps along these: forwards, and for eigenvectors
# backwards too.
DRAWN = ("random", "mean", "eigenvector")
LAYOUT = channels.LAYOUT | {
    "*/predicted_share": ("K", "of inputs, by the class of their largest output")
}


def main(job):
    count = job.params.perturbation["images"]
    this = open_analysis(job, count, count, "perturbation")
    loss = partial(losses.smoothed_cross_entropy, smoothing=job.params.smoothing)
    parameters = detached(this.network)
    norm = flatten(parameters.values()).norm().item()
    layers = [name for name, _ in this.network.named_children()]
    measure = partial(measure_layers, this.network, loss, *this.batches)
    unmoved, values = measure(parameters, 0.0, layers, drawn=True)
    moved, groups = measure_steps(job, measure, parameters, norm, layers)
    groups = {"none": values} | groups
    for name, values in groups.items():
        print(
            "  ".join([name, *(f"{key} {value:.4g}" for key, value in values.items())])
        )
    about = facts(job, devices.describe(this.device)) | {
        "classes": this.classes,
        "images": count,
        "outputs": conv_net.OUTPUTS,
    }
    kept = (f"{conv_net.OUTPUTS}/", "predicted_share")
    outputs = {name: unmoved[name] for name in unmoved if name.startswith(kept)}
    del unmoved["predicted_share"]
    store.write(
        job.output.channels,
        channels.LAYOUT,
        {name: values.cpu().numpy() for name, values in unmoved.items()},
        about | {"layers": layers},
    )
    arrays = store.nested(outputs, "none") | moved
    store.write(
        job.output.perturbations,
        LAYOUT,
        {name: values.cpu().numpy() for name, values in arrays.items()},
        about | {"parameter_norm": norm},
        groups,
    )


def measure_steps(
    job, measure, parameters, norm, layers
) -> tuple[dict[str, Tensor], dict[str, dict[str, float]]]:
    """What `measure` finds after a step along each direction, forwards and backwards.

    As data sets of perturbations.h5 and attributes of its groups.
    """
    arrays, groups = {}, {}
    length = job.params.perturbation["step"] * norm
    bar = progress(None, job.wildcards.network, "steps")
    for name, direction in directions(job, parameters):
        kind = name.rpartition("_")[0] or name
        for suffix, sign in SIGNS.items():
            moved, groups[name + suffix] = measure(
                perturbed(parameters, direction, sign * length),
                sign * length,
                layers if name == "mean_0" else (conv_net.OUTPUTS,),
                drawn=kind in DRAWN and (sign > 0 or kind == "eigenvector"),
            )
            arrays |= store.nested(moved, name + suffix)
            bar.update()
    bar.close()
    return arrays, groups


def directions(job, parameters) -> Iterator[tuple[str, Tensor]]:
    """Name and unit vector of each direction to step along, where the parameters are.

    `random`, `mean_<c>`, `variance_<c>` and `third_moment_<c>` by class from 0 on, and
    `eigenvector_<i>` by descending eigenvalue from 1 on.
    """
    count = job.params.perturbation["eigenvectors"]
    flat = flatten(parameters.values())
    dimension, device = flat.numel(), flat.device
    gradients, _ = store.read(job.input.gradients, *MOMENTS)
    pairs, _ = store.read(job.input.eigenpairs, "eigenvectors")
    store.require_same_size(
        {
            job.input.network: dimension,
            job.input.gradients: gradients["mean"].shape[1],
            job.input.eigenpairs: pairs["eigenvectors"].shape[1],
        }
    )
    rng = devices.generator(int(job.wildcards.seed), "random direction")
    random = torch.randn(dimension, generator=rng)
    yield "random", normalize(random, dim=0).to(device)
    groups = {name: (0, gradients[name]) for name in MOMENTS}
    groups["eigenvector"] = (1, pairs["eigenvectors"][:count])
    for name, (first, rows) in groups.items():
        unit_rows = normalize(torch.from_numpy(rows).to(device), dim=1)
        for number, direction in enumerate(unit_rows, first):
            yield f"{name}_{number}", direction


@torch.no_grad()
def measure_layers(
    network, loss, batch, parameters, length, layers, drawn
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Channel statistics of these layers, with densities where they are drawn, and the
    predicted share of each class; and loss, accuracy and the step's length.

    With these parameters in place of the network's own.
    """
    images, labels = batch
    statistics = {}
    for layer, outputs in channels.activations(network, images, parameters):
        if layer in layers:
            values = channels.channel_statistics(outputs)
            if drawn:
                values |= channels.channel_densities(outputs)
            statistics |= store.nested(values, layer)
    predicted = outputs.argmax(dim=1)
    counts = predicted.bincount(minlength=outputs.shape[1])
    statistics["predicted_share"] = counts / len(predicted)
    return statistics, {
        "loss": loss(outputs, labels).item(),
        "accuracy": (predicted == labels).float().mean().item(),
        "length": length,
    }


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

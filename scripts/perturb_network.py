"""The channels of a network, and what small steps of its parameters do to its outputs.

channels.h5 and perturbations.h5, of the same batch.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from normscope import channels, datasets, devices, networks, store, training
from normscope.job import log_to, progress
from normscope.parameters import detached, flatten, perturbed
from normscope.provenance import facts

SIGNS = {"": 1, "_minus": -1}
# A figure shows the outputs after steps along these: forwards, and for eigenvectors
# backwards too.
DRAWN = ("random", "mean", "eigenvector")


def main(job):
    seed, settings = int(job.wildcards.seed), job.params.perturbation
    device = devices.prepare(job.config["device"], job.threads)
    dataset = datasets.load(job.input.dataset).to(device)
    count = settings["images"]
    (batch,) = datasets.fixed_batches(dataset, seed, count, count, "perturbation")
    network, _ = networks.load(job.input.network, len(dataset.classes))
    network = networks.prepare_analysis(network, device)
    loss = partial(training.smoothed_cross_entropy, smoothing=job.params.smoothing)
    layers = [name for name, _ in network.named_children()]
    outputs = (store.OUTPUTS,)
    measure = partial(measure_layers, network, loss, batch)
    parameters = detached(network)
    flat = flatten(parameters.values())
    norm = flat.norm().item()
    length = settings["step"] * norm

    unmoved, values = measure(parameters, 0.0, layers, drawn=True)
    groups = {"none": values}
    kept = (f"{store.OUTPUTS}/", "predicted_share")
    arrays = store.nested(
        {name: array for name, array in unmoved.items() if name.startswith(kept)},
        "none",
    )
    bar = progress(None, job.wildcards.network, "steps")
    for name, direction in directions(job, flat.numel(), device):
        for suffix, sign in SIGNS.items():
            kind = name.rpartition("_")[0] or name
            moved, groups[name + suffix] = measure(
                perturbed(parameters, direction, sign * length),
                sign * length,
                layers if name == "mean_0" else outputs,
                drawn=kind in DRAWN and (sign > 0 or kind == "eigenvector"),
            )
            arrays |= store.nested(moved, name + suffix)
            bar.update()
    bar.close()
    for name, values in groups.items():
        print(
            "  ".join([name, *(f"{key} {value:.4g}" for key, value in values.items())])
        )
    about = facts(job, devices.describe(device)) | {
        "classes": dataset.classes,
        "images": count,
    }
    del unmoved["predicted_share"]
    store.write(
        job.output.channels,
        {name: values.cpu().numpy() for name, values in unmoved.items()},
        about | {"layers": layers},
    )
    store.write(
        job.output.perturbations,
        {name: values.cpu().numpy() for name, values in arrays.items()},
        about | {"parameter_norm": norm},
        groups,
    )


def directions(
    job, dimension: int, device: torch.device
) -> Iterator[tuple[str, Tensor]]:
    """Name and unit vector of each direction to step along, on the device.

    `random`, `mean_<c>`, `variance_<c>` and `third_moment_<c>` by class from 0 on, and
    `eigenvector_<i>` by descending eigenvalue from 1 on.
    """
    count = job.params.perturbation["eigenvectors"]
    gradients, _ = store.read(job.input.gradients, *store.MOMENTS)
    pairs, _ = store.read(job.input.eigenpairs, "eigenvectors")
    store.same_parameters(
        {
            job.input.network: dimension,
            job.input.gradients: gradients["mean"].shape[1],
            job.input.eigenpairs: pairs["eigenvectors"].shape[1],
        }
    )
    draws = devices.generator(int(job.wildcards.seed), "random direction")
    random = torch.randn(dimension, generator=draws)
    yield "random", normalize(random, dim=0).to(device)
    groups = {name: (0, gradients[name]) for name in store.MOMENTS}
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

"""The channels of a network, and what steps of its parameters do to its outputs.

channels.h5 and perturbations.h5, of the same batch.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from normscope import devices, store
from normscope.analysis import open_analysis
from normscope.job import log_to, progress
from normscope.networks import losses
from normscope.networks.layers import outputs_of
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.outputs import activations, channels, majority
from normscope.outputs.names import MOMENTS
from normscope.provenance import facts

SIGNS = {"": 1, "_minus": -1}
# A figure shows the outputs after steps along these: forwards, and for eigenvectors
# backwards too.
DRAWN = r"random|mean_\d+|eigenvector_\d+(_minus)?"
LAYOUT = channels.LAYOUT | {
    "*/predicted_share": ("K", "of inputs, by the class of their largest output"),
    "*/values": ("N K", "the outputs of each image: the logits"),
    "critical_length": (
        "K",
        "shortest step along the unit gradient of each output's mean after which its "
        "class has more than half of the predictions, as a share of the parameters' "
        "norm; inf where there is none up to the attribute longest_length",
    ),
}


def main(job):
    count = job.params.perturbation["images"]
    images = images_to_use(job.input.dataset, count)
    this = open_analysis(job, count, images, "perturbation")
    smoothing = job.params.smoothing
    loss = partial(losses.smoothed_cross_entropy, smoothing=smoothing)
    parameters = detached(this.network)
    norm = flatten(parameters.values()).norm().item()
    outputs = outputs_of(this.network)
    layers = activations.names_of_layers(this.network, this.batches[0][0])
    measure, *others = (
        partial(activations.measure_layers, this.network, loss, batch)
        for batch in this.batches
    )
    unmoved, about_unmoved = measure(parameters, 0.0, layers, drawn=True)
    arrays, groups = measure_steps(job, measure, parameters, norm, layers, outputs)
    kept = (f"{outputs}/", "predicted_share", "values")
    of_outputs = {name: unmoved[name] for name in unmoved if name.startswith(kept)}
    arrays |= store.nested(of_outputs, "none")
    groups = {"none": about_unmoved} | groups
    for again in others:
        found, groups["other_images"] = again(parameters, 0.0, [outputs])
        arrays |= store.nested(found, "other_images")
    for name, numbers in groups.items():
        print("  ".join([name, *(f"{key} {n:.4g}" for key, n in numbers.items())]))
    about = facts(job, devices.describe(this.device)) | {
        "classes": this.classes,
        "images": count,
        "outputs": outputs,
    }
    of_layers = {name: unmoved[name] for name in unmoved if name not in kept}
    of_channels = about | {
        "layers": layers,
        "shown": activations.shown_layers(this.network, layers),
    }
    write(job.output.channels, channels.LAYOUT, of_layers, of_channels)
    about |= {
        "parameter_norm": norm,
        "widths": list(job.params.widths),
        "longest_length": majority.LONGEST,
        "loss_floor": losses.floor(len(this.classes), smoothing),
    }
    write(job.output.perturbations, LAYOUT, arrays, about, groups)


def images_to_use(dataset: str, count: int) -> int:
    """Two batches of that many train images, or one where there are too few."""
    labels = store.read(dataset, "train/labels")[0]["train/labels"]
    return 2 * count if 2 * count <= len(labels) else count


def measure_steps(
    job, measure, parameters, norm, layers, outputs
) -> tuple[dict[str, Tensor], dict[str, dict[str, float]]]:
    """What `measure` finds after a step along each direction, forwards and backwards,
    and how long a step each class needs for the majority.

    As data sets of perturbations.h5 and attributes of its groups.
    """
    arrays, groups, lengths = {}, {}, []
    length = job.params.perturbation["step"] * norm
    bar = progress(None, job.wildcards.network, "steps")
    for name, direction in directions(job, parameters):
        for suffix, sign in SIGNS.items():
            group = name + suffix
            found, groups[group] = measure(
                perturbed(parameters, direction, sign * length),
                sign * length,
                layers if name == "mean_0" else [outputs],
                drawn=re.fullmatch(DRAWN, group) is not None,
            )
            del found["values"]
            arrays |= store.nested(found, group)
            bar.update()
        if name.startswith("mean_"):
            share = partial(
                share_after, measure, parameters, norm * direction, len(lengths)
            )
            lengths.append(majority.critical_length(share))
    bar.close()
    arrays["critical_length"] = torch.tensor(lengths, dtype=torch.float64)
    return arrays, groups


def share_after(
    measure: Callable,
    parameters: dict[str, Tensor],
    direction: Tensor,
    output: int,
    length: float,
) -> float:
    """The share of the output's class after `length` of these steps."""
    moved = perturbed(parameters, direction, length)
    found, _ = measure(moved, length, layers=[])
    return found["predicted_share"][output].item()


def directions(job, parameters) -> Iterator[tuple[str, Tensor]]:
    """Name and unit vector of each direction to step along, where the parameters are.

    `random` and `random_<i>` from 1 on, `mean_<c>`, `variance_<c>` and
    `third_moment_<c>` by class from 0 on, and `eigenvector_<i>` by descending
    eigenvalue from 1 on.
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
    rows = torch.empty(job.params.random, dimension)
    for row in rows:
        torch.randn(dimension, generator=rng, out=row)
    groups = {"random": (0, rows.numpy())}
    groups |= {name: (0, gradients[name]) for name in MOMENTS}
    groups["eigenvector"] = (1, pairs["eigenvectors"][:count])
    for name, (first, rows) in groups.items():
        unit_rows = normalize(torch.from_numpy(rows).to(device), dim=1)
        for number, direction in enumerate(unit_rows, first):
            yield f"{name}_{number}".replace("random_0", "random"), direction


def write(path, layout, arrays, about, groups=None) -> None:
    """Write tensors of any device as a file of the layout."""
    on_host = {name: values.cpu().numpy() for name, values in arrays.items()}
    store.write(path, layout, on_host, about, groups)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

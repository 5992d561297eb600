"""One network on its way through training: curvature and gradients, a row for each
checkpoint, training_path.csv; overlaps of its eigenvectors, path_overlaps.csv; its
logits, path_logits.h5.

A frozen network is the copy of the other at the same epoch, with its statistics fixed
to the training set's as they are then.
"""

from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import normalize

from normscope import devices, store
from normscope.analysis import open_data
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.curvature.path_overlaps import path_columns
from normscope.curvature.sharpness import batch_sharpness, share_within
from normscope.curvature.warm_start import leading_near
from normscope.images import datasets
from normscope.job import atomic_write, log_to, progress
from normscope.networks import (
    batch_statistics,
    checkpoints,
    files,
    losses,
    placing,
    variants,
)
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.networks.slopes import slope
from normscope.outputs import majority, moments, path_logits, spans
from normscope.outputs.layer_scaled import layer_scaled
from normscope.provenance import facts
from normscope.results.descent import stability_limit_with_momentum
from normscope.resume import resumable

PAIRS = 3  # eigenvalues that are followed
BATCHES = 16  # of training, over which the batch sharpness is averaged


def main(job):
    settings, seed = job.params.hessian, int(job.wildcards.seed)
    device, dataset = open_data(job)
    batches = datasets.fixed_batches(
        dataset, seed, settings["batch_size"], settings["images"]
    )
    loss = partial(losses.smoothed_cross_entropy, smoothing=job.params.smoothing)
    bar = progress(len(job.input.checkpoints), job.wildcards.network, "checkpoints")
    with resumable(job, job.output.path) as state:
        done = state.load() or {key: [] for key in ("rows", "overlaps", "looks")}
        bar.update(len(done["rows"]))
        for path in job.input.checkpoints[len(done["rows"]) :]:
            network = opened(job, path, dataset, device)
            pairs, curvature = leading(job, network, loss, batches, done.get("vectors"))
            rate, velocity = checkpoints.about(path)
            epoch = {"epoch": job.params.checkpoints[len(done["rows"])]}
            row = epoch | {"learning_rate": rate} | curvature
            row |= {"limit": stability_limit_with_momentum(job.params.momentum)}
            row |= of_training(job, network, loss, batches, dataset, pairs, velocity)
            gradients = moments.moment_gradients(network, batches)
            row |= of_outputs(network, batches, gradients)
            row |= {"products": pairs.matvecs}
            print("  ".join(f"{key} {value:.5g}" for key, value in row.items()))
            overlaps = of_eigenvectors(job, network, batches, pairs, gradients)
            done = {
                "rows": [*done["rows"], row],
                "overlaps": [*done["overlaps"], *(epoch | each for each in overlaps)],
                "looks": [*done["looks"], path_logits.look(network, loss, batches[0])],
                "vectors": pairs.eigenvectors.cpu(),
            }
            state.save(done)
            bar.update()
        bar.close()
        write(job, done, facts(job, devices.describe(device)), dataset.classes)


def write(job, done, about, classes) -> None:
    """The three files, from what was found at the checkpoints."""
    for output, rows in (
        (job.output.path, done["rows"]),
        (job.output.overlaps, done["overlaps"]),
    ):
        with atomic_write(output) as path:
            pd.DataFrame(rows).to_csv(path, index=False)
    store.write(
        job.output.logits,
        path_logits.LAYOUT,
        path_logits.arrays(job.params.checkpoints, done["looks"]),
        about | {"classes": classes, "images": len(done["looks"][0]["logits"])},
    )


def opened(job, path, dataset, device) -> nn.Module:
    """The network at the checkpoint, as it is analysed; a copy that is frozen there
    where the job's network is one.
    """
    module = variants.module_of(job.wildcards.network, job.config.get("networks", {}))
    network, architecture = files.load(path, len(dataset.classes), module)
    if job.params.frozen:
        batches = datasets.augmented_batches(
            dataset,
            job.params.batch_size,
            devices.generator(int(job.wildcards.seed), "refresh"),
        )
        network = placing.place(network, device)
        batch_statistics.refresh(network, (images for images, _ in batches))
        copy = variants.build(replace(architecture, frozen=True), torch.Generator())
        copy.load_state_dict(network.state_dict())
        network = copy
    return files.prepare_analysis(network, device)


def leading(job, network, loss, batches, known):
    """The leading eigenpairs, from the vectors of the checkpoint before where there are
    any, and the columns that say their values.
    """
    memory_gb = job.config["hessian"]["memory_gb"]
    if memory_gb is None:
        memory_gb = devices.free_gigabytes(batches[0][0].device, job) / 2
    hessian = Hessian(network, loss, batches, memory_gb)
    rng = devices.generator(int(job.wildcards.seed), "lanczos")
    tolerance = job.params.hessian["tolerance"]
    count = min(PAIRS, hessian.dimension)
    if known is None:
        pairs = leading_eigenpairs(hessian, count, tolerance, rng, starts=1)
    else:
        known = known.to(hessian.device)
        pairs = leading_near(hessian, count, tolerance, rng, known)
    by_size = pairs.eigenvalues[pairs.eigenvalues.abs().argsort(descending=True)]
    values = {f"lambda_{i}": value for i, value in enumerate(by_size.tolist(), 1)}
    return pairs, values


def of_training(job, network, loss, batches, dataset, pairs, velocity):
    """The columns about steps of training: how sharp the loss is along them."""
    largest = pairs.eigenvalues.abs().argmax()
    drawn = datasets.augmented_batches(
        dataset,
        job.params.batch_size,
        devices.generator(int(job.wildcards.seed), "batch sharpness"),
    )
    _, gradient = slope(network, loss, batches)
    steepest = pairs.eigenvectors[largest][None]
    return {
        "batch_sharpness": batch_sharpness(network, loss, islice(drawn, BATCHES)),
        "update_cosine": share_within(velocity.to(gradient), steepest) ** 0.5,
        "gradient_share": share_within(gradient, pairs.eigenvectors),
    }


def of_eigenvectors(job, network, batches, pairs, gradients) -> list[dict[str, float]]:
    """For each eigenvector, how much of it lies in spans of gradients of the logits."""
    seed = int(job.wildcards.seed)
    signs = partial(devices.generator, seed, "path placebo signs")
    placebos = spans.placebo_gradients(network, batches, signs)
    columns = path_columns(pairs.eigenvectors, gradients, placebos)
    table = pd.DataFrame({"eigenvalue": pairs.eigenvalues} | columns)
    table.insert(0, "eigenvector", range(1, len(table) + 1))
    return table.to_dict("records")


def of_outputs(network, batches, gradients):
    """The columns about the logits: squared norms of the moments' gradients, medians
    over the logits, and what steps along those of the means do.
    """
    squares = gradients.square().sum(dim=2).median(dim=1).values.tolist()
    names = ("mean_gradient", "variance_gradient", "third_moment_gradient")
    parameters = detached(network)
    norm = flatten(parameters.values()).norm().item()
    images, _ = batches[0]

    @torch.no_grad()
    def share(place, direction, length):
        moved = perturbed(parameters, direction, length * norm)
        predicted = torch.func.functional_call(network, moved, (images,)).argmax(dim=1)
        return (predicted == place).float().mean().item()

    directions = normalize(gradients[0], dim=1)
    shares = [partial(share, *each) for each in enumerate(directions)]
    lengths = [majority.critical_length(each) for each in shares]
    return dict(zip(names, squares, strict=True)) | {
        "majority_share": float(
            np.mean([each(majority.START) > majority.MAJORITY for each in shares])
        ),
        "critical_length": float(np.median(np.minimum(lengths, majority.LONGEST))),
        "parameter_norm": norm,
        "layer_scaled_gradient": layer_scaled(gradients[0], parameters),
    }


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""One network on its way through training: curvature and gradients, a row for each
checkpoint, training_path.csv; overlaps of its eigenvectors, path_overlaps.csv; its
logits, path_logits.h5.

A frozen network is the copy of the other at the same epoch, with its statistics fixed
to the training set's as they are then.
"""

from dataclasses import replace
from functools import partial
from itertools import islice
from math import nan

import pandas as pd
import torch
from torch import nn

from normscope import devices, store
from normscope.analysis import open_data
from normscope.curvature.hessian import Hessian, Projected
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.curvature.path_overlaps import path_columns
from normscope.curvature.sharpness import batch_sharpness, share_within
from normscope.curvature.subspaces import orthonormal
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
from normscope.networks.slopes import slope
from normscope.outputs import moments, path_gradients, path_logits, spans
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
            hessian = hessian_of(job, network, loss, batches)
            pairs, curvature = leading(job, hessian, done.get("vectors"))
            rate, velocity = checkpoints.about(path)
            epoch = {"epoch": job.params.checkpoints[len(done["rows"])]}
            row = epoch | {"learning_rate": rate} | curvature
            row |= {"limit": stability_limit_with_momentum(job.params.momentum)}
            row |= of_training(job, network, loss, batches, dataset, pairs, velocity)
            gradients = moments.moment_gradients(network, batches)
            row |= path_gradients.columns(network, batches, gradients)
            is_last = len(done["rows"]) == len(job.input.checkpoints) - 1
            left = largest_off(job, hessian, gradients) if is_last else nan
            row |= {"projected_lambda_1": left}
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


def hessian_of(job, network, loss, batches) -> Hessian:
    """The Hessian at the checkpoint, in as much memory as the config allows."""
    memory_gb = job.config["hessian"]["memory_gb"]
    if memory_gb is None:
        memory_gb = devices.free_gigabytes(batches[0][0].device, job) / 2
    return Hessian(network, loss, batches, memory_gb)


def leading(job, hessian, known):
    """The leading eigenpairs, from the vectors of the checkpoint before where there are
    any, and the columns that say their values.
    """
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


def largest_off(job, hessian, gradients) -> float:
    """The eigenvalue of largest magnitude off the span of all moments' gradients."""
    rng = devices.generator(int(job.wildcards.seed), "lanczos")
    left = Projected(hessian, orthonormal(gradients.flatten(end_dim=1)))
    tolerance = job.params.hessian["tolerance"]
    return leading_eigenpairs(left, 1, tolerance, rng, starts=1).eigenvalues.item()


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


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

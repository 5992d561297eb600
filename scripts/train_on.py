"""What becomes of a frozen network that is trained on, at rates around the limit that
its curvature sets: train_on.csv, a row for each look at it.
"""

from functools import partial
from math import inf, isfinite, nan

import pandas as pd
import torch

from normscope import devices, store
from normscope.analysis import load, open_data
from normscope.curvature.hessian import Hessian, mean_loss
from normscope.curvature.warm_start import leading_near
from normscope.images import datasets
from normscope.job import UserError, atomic_write, log_to, progress
from normscope.networks import files, losses, sgd
from normscope.outputs.inner_means import inner_mean
from normscope.outputs.spans import mean_gradients
from normscope.results.descent import stability_limit_with_momentum
from normscope.resume import resumable

FIRST = 3  # steps before the first look after the start; from there on twice as many


def main(job):
    settings, seed = job.params.hessian, int(job.wildcards.seed)
    device, dataset = open_data(job)
    batches = datasets.fixed_batches(
        dataset, seed, settings["batch_size"], settings["images"]
    )
    pairs, _ = store.read(job.input.eigenpairs, "eigenvalues", "eigenvectors")
    largest = pairs["eigenvalues"].argmax()  # negative ones limit no learning rate
    steepest = torch.from_numpy(pairs["eigenvectors"][largest])[None].to(device)
    limit = stability_limit_with_momentum(job.params.training["momentum"])
    limit /= abs(pairs["eigenvalues"][largest])
    bar = progress(len(job.params.factors), job.wildcards.network, "learning rates")
    with resumable(job, job.output.path) as state:
        done = state.load() or {"factors": 0, "rows": []}
        bar.update(done["factors"])
        for factor in job.params.factors[done["factors"] :]:
            network, _ = load(job, job.wildcards.network, len(dataset.classes))
            network = files.prepare_analysis(network, device)
            rate = float(factor * limit)
            look = partial(looked, job, network, batches)
            for row in trained(job, network, dataset, rate, look, steepest):
                row = {"factor": factor, "learning_rate": rate} | row
                print("  ".join(f"{key} {value:.5g}" for key, value in row.items()))
                done["rows"].append(row)
            done["factors"] += 1
            state.save(done)
            bar.update()
        bar.close()
        with atomic_write(job.output.path) as path:
            pd.DataFrame(done["rows"]).to_csv(path, index=False)


def trained(job, network, dataset, rate, look, known):
    """A row at the start of an epoch at that rate, at some of its steps and at its end;
    or until the loss is not finite.
    """
    settings = job.params.training
    count = sgd.steps(len(dataset.train), settings["batch_size"])
    optimiser = sgd.optimiser(network, settings, rate)
    loss = partial(losses.smoothed_cross_entropy, smoothing=job.params.smoothing)
    rng = devices.generator(int(job.wildcards.seed), "training on")
    row, known = look(known)
    yield {"step": 0} | row
    drawn = datasets.augmented_batches(dataset, settings["batch_size"], rng)
    due = FIRST
    for step, batch in enumerate(drawn, 1):
        sgd.step(network, loss, optimiser, batch)
        if step in (due, count):
            row, known = look(known)
            yield {"step": step} | row
            due *= 2
            if not isfinite(row["loss"]):
                return


def looked(job, network, batches, known):
    """The columns that say where the network is now, and its steepest direction.

    Where the loss is not finite it is inf, and what cannot be measured is nan.
    """
    loss = partial(losses.smoothed_cross_entropy, smoothing=job.params.smoothing)
    value = mean_loss(network, loss, batches)
    if not isfinite(value):
        broken = dict.fromkeys(("lambda_1", "inner_mean", "mean_gradient"), nan)
        return {"loss": inf} | broken, known
    row = {"loss": value, "lambda_1": nan}
    row |= {"inner_mean": inner_mean(network, batches[0][0]), "mean_gradient": nan}
    try:
        pairs = leading_near(
            Hessian(network, loss, batches, memory_gb(job, batches)),
            1,
            job.params.hessian["tolerance"],
            devices.generator(int(job.wildcards.seed), "lanczos"),
            known,
        )
        squares = mean_gradients(network, batches).square().sum(dim=1)
    except UserError:  # products or gradients overflow
        return row, known
    row["lambda_1"] = pairs.eigenvalues[0].item()
    row["mean_gradient"] = squares.median().item()
    return row, pairs.eigenvectors


def memory_gb(job, batches) -> float:
    """What a Hessian may keep in memory."""
    asked = job.config["hessian"]["memory_gb"]
    if asked is None:
        return devices.free_gigabytes(batches[0][0].device, job) / 2
    return asked


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

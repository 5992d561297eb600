"""Curvature and steps of the stress test until its loss breaks away: a CSV.

The test is made twice: once to know at which step it breaks, and once to look.
"""

from math import inf, isfinite
from types import SimpleNamespace

import pandas as pd
from torch.nn.functional import cross_entropy

from normscope import devices
from normscope.analysis import open_data
from normscope.curvature.hessian import Hessian, mean_loss
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.curvature.sharpness import share_within
from normscope.curvature.warm_start import leading_near
from normscope.images import datasets
from normscope.job import atomic_write, log_to, progress
from normscope.networks import breakaway, placing, schedules, sgd, variants
from normscope.networks.parameters import detached, flatten
from normscope.results.descent import stability_limit_with_momentum
from normscope.resume import resumable

COARSE, FINE = 32, 4  # steps between looks
NEAR = 64  # steps before the break in which looks are FINE


def main(job):
    device, dataset = open_data(job)
    with resumable(job, job.output.watch) as state:
        done = state.load() or {"broken_at": None, "rows": [], "at": None}
        if done["broken_at"] is None:
            done["broken_at"] = broken_at(job, begun(job, dataset, device))
            state.save(done)
        print(f"the loss breaks away at step {done['broken_at'][0]}")
        watch(job, begun(job, dataset, device), done, state)
        with atomic_write(job.output.watch) as path:
            pd.DataFrame(done["rows"]).to_csv(path, index=False)


def begun(job, dataset, device) -> SimpleNamespace:
    """The stress test of the job's network at its start."""
    seed = int(job.wildcards.seed)
    architecture = variants.architecture(
        job.params.variant,
        job.params.widths,
        "relu",
        len(dataset.classes),
        dataset.size,
    )
    network = variants.build(architecture, devices.generator(seed, "weights"))
    network = placing.place(network, device).train()
    return SimpleNamespace(
        network=network,
        dataset=dataset,
        optimiser=sgd.optimiser(network, job.params.training, 0.0),
        rng=devices.generator(seed, "augmentation"),
        known=None,
    )


def steps_of(job, test, epoch):
    """The steps of an epoch of the test."""
    stress, size = job.params.stress, job.params.training["batch_size"]
    schedule = schedules.doubling(stress["start"], stress["doubling_epochs"])
    return breakaway.steps_of_epoch(
        test.dataset, test.optimiser, schedule, epoch, size, test.rng
    )


def broken_at(job, test) -> tuple[int, float]:
    """The step to which the test is watched, and that at which it breaks away: the
    same, or inf where it goes to its end.
    """
    met = []
    for epoch in range(job.params.stress["epochs"]):
        for _, batch in steps_of(job, test, epoch):
            met.append(sgd.step(test.network, cross_entropy, test.optimiser, batch)[0])
        if not isfinite(met[-1]):
            break
    end = breakaway.first_break([loss.item() for loss in met])
    return end, float(end) if end < len(met) else inf


def watch(job, test, done, state) -> None:
    """Make the test up to its break, adding rows to what is done."""
    settings, seed = job.params.hessian, int(job.wildcards.seed)
    batches = datasets.fixed_batches(
        test.dataset, seed, settings["batch_size"], settings["images"]
    )
    end, broken = done["broken_at"]
    first = restore(test, done["at"]) if done["at"] else 0
    bar = progress(end, job.wildcards.network, "steps")
    for epoch in range(first, job.params.stress["epochs"]):
        for step, batch in steps_of(job, test, epoch):
            if step >= end:
                bar.close()
                return
            if step % (FINE if end - step <= NEAR else COARSE):
                sgd.step(test.network, cross_entropy, test.optimiser, batch)
            else:
                row = {"step": step, "broken_at": broken}
                row |= look(job, test, batches, batch)
                print("  ".join(f"{key} {value:.5g}" for key, value in row.items()))
                done["rows"].append(row)
            bar.update()
        done["at"] = content(test, epoch + 1)
        state.save(done)
    bar.close()


def look(job, test, batches, batch) -> dict[str, float]:
    """The columns that say how curved the loss is before a step, and the step's way;
    makes the step.
    """
    memory_gb = job.config["hessian"]["memory_gb"]
    if memory_gb is None:
        memory_gb = devices.free_gigabytes(batches[0][0].device, job) / 2
    hessian = Hessian(test.network, cross_entropy, batches, memory_gb)
    rng = devices.generator(int(job.wildcards.seed), "lanczos")
    tolerance = job.params.hessian["tolerance"]
    if test.known is None:
        pairs = leading_eigenpairs(hessian, 1, tolerance, rng, starts=1)
    else:
        pairs = leading_near(hessian, 1, tolerance, rng, test.known)
    test.known = pairs.eigenvectors
    before = flatten(detached(test.network).values()).clone()
    row = {
        "learning_rate": test.optimiser.param_groups[0]["lr"],
        "loss": mean_loss(test.network, cross_entropy, batches),
        "lambda_1": pairs.eigenvalues[0].item(),
        "limit": stability_limit_with_momentum(job.params.training["momentum"]),
    }
    sgd.step(test.network, cross_entropy, test.optimiser, batch)
    update = flatten(detached(test.network).values()) - before
    return row | {"update_cosine": share_within(update, test.known) ** 0.5}


def content(test, epochs: int) -> dict:
    """All that `restore` needs, after so many epochs."""
    return {
        "epochs": epochs,
        "network": test.network.state_dict(),
        "optimiser": test.optimiser.state_dict(),
        "rng": test.rng.get_state(),
        "known": test.known,
    }


def restore(test, kept: dict) -> int:
    """Set the test to where it was, and return the epochs that are behind it."""
    test.network.load_state_dict(kept["network"])
    test.optimiser.load_state_dict(kept["optimiser"])
    test.rng.set_state(kept["rng"])
    test.known = kept["known"]
    return kept["epochs"]


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""One network trained from scratch: network.pt, and training.csv with its epochs."""

from functools import partial
from math import isfinite

import pandas as pd
from torch import nn

from normscope import devices
from normscope.analysis import open_data
from normscope.job import UserError, atomic_write, log_to, progress
from normscope.networks import (
    files,
    losses,
    modes,
    placing,
    schedules,
    training,
    variants,
)
from normscope.provenance import facts
from normscope.resume import resumable

TRIED = 4  # images, on which a user's own module is tried


def main(job):
    seed, name = int(job.wildcards.seed), job.wildcards.network
    variant, settings = job.params.variant, job.params.training
    device, dataset = open_data(job)
    architecture, network = build(job, dataset, seed)
    schedule = schedules.piecewise_linear(
        [0, settings["peak_epoch"], settings["end_epoch"]],
        [0.0, variant["max_lr"], 0.0],
    )
    seen = modes.fixed_images(
        dataset, settings["batch_size"], devices.generator(seed, "images of both modes")
    )
    rows = []
    bar = progress(settings["epochs"], name, "epochs")
    with resumable(job, job.output.network) as state:
        for row in training.train(
            placing.place(network, device),
            dataset,
            partial(losses.smoothed_cross_entropy, smoothing=settings["smoothing"]),
            schedule,
            settings,
            devices.generator(seed, "augmentation"),
            state,
            partial(modes.accuracies, batches=seen),
        ):
            print("  ".join(f"{column} {value:.5g}" for column, value in row.items()))
            if not isfinite(row["train_loss"] + row["test_loss"]):
                raise UserError(
                    f"{name} diverged: at seed {seed} its loss is not finite in epoch "
                    f"{row['epoch']}; lower config key networks.{name}.max_lr"
                )
            rows.append(row)
            bar.update()
        bar.close()
        files.save(
            job.output.network,
            network,
            architecture,
            facts(job, devices.describe(device)),
        )
        with atomic_write(job.output.training) as path:
            pd.DataFrame(rows).to_csv(path, index=False)


def build(job, dataset, seed) -> tuple[variants.Architecture, nn.Module]:
    """The network of the job as it is before training, and what describes it."""
    architecture = variants.architecture(
        job.params.variant,
        **job.params.network,
        classes=len(dataset.classes),
        size=dataset.size,
    )
    network = variants.build(architecture, devices.generator(seed, "weights"))
    images = dataset.normalised(dataset.train.images[:TRIED])
    variants.require_measurable(architecture, network, images.cpu())
    return architecture, network


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

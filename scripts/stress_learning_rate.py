"""One network trained at an ever higher learning rate, until it breaks: a CSV."""

from math import isfinite

import pandas as pd
from torch.nn.functional import cross_entropy

from normscope import devices
from normscope.analysis import open_data
from normscope.job import atomic_write, log_to, progress
from normscope.networks import placing, schedules, training, variants
from normscope.resume import resumable


def main(job):
    seed, name = int(job.wildcards.seed), job.wildcards.network
    stress, variant = job.params.stress, job.params.variant
    device, dataset = open_data(job)
    architecture = variants.architecture(
        variant, job.params.widths, "relu", len(dataset.classes), dataset.size
    )
    network = variants.build(architecture, devices.generator(seed, "weights"))
    rows = []
    bar = progress(stress["epochs"], name, "epochs")
    with resumable(job, job.output.stress) as state:
        for row in training.train(
            placing.place(network, device),
            dataset,
            cross_entropy,
            schedules.doubling(stress["start"], stress["doubling_epochs"]),
            job.params.training | {"epochs": stress["epochs"]},
            devices.generator(seed, "augmentation"),
            state,
        ):
            diverged = not isfinite(row["train_loss"])
            rows.append({**row, "diverged": diverged})
            print("  ".join(f"{column} {value:.5g}" for column, value in row.items()))
            bar.update()
        bar.close()
        with atomic_write(job.output.stress) as path:
            pd.DataFrame(rows).drop(columns="seconds").to_csv(path, index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

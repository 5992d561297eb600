"""One network trained from scratch at learning rates that are held: a CSV."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import torch
from torch.nn.functional import cross_entropy

from normscope import devices
from normscope.analysis import open_data
from normscope.images.datasets import Dataset
from normscope.job import atomic_write, log_to, progress
from normscope.networks import held_rates, placing, sgd, variants
from normscope.resume import resumable


def main(job):
    hold_each(job, *open_data(job), partial(held_rates.hold, loss=cross_entropy))


def hold_each(job, device: torch.device, dataset: Dataset, hold: Callable) -> None:
    """Write what `hold` finds at each rate, given a network, the data set, and by name
    the rate, the settings and a generator.
    """
    seed, name = int(job.wildcards.seed), job.wildcards.network
    held, variant = job.params.held, job.params.variant
    architecture = variants.architecture(
        variant, job.params.widths, "relu", len(dataset.classes), dataset.size
    )
    settings = job.params.training | {"steps": held["steps"]}
    sgd.steps(len(dataset.train), settings["batch_size"])
    bar = progress(len(held["rates"]), name, "learning rates")
    with resumable(job, job.output.held) as state:
        rows = (state.load() or {"rows": []})["rows"]
        bar.update(len(rows))
        for rate in sorted(held["rates"])[len(rows) :]:
            # The same weights, and the same images in the same order, at each rate.
            network = variants.build(architecture, devices.generator(seed, "weights"))
            row = hold(
                placing.place(network, device),
                dataset,
                rate=rate,
                settings=settings,
                rng=devices.generator(seed, "augmentation"),
            )
            print("  ".join(f"{column} {value:.5g}" for column, value in row.items()))
            rows.append(row)
            state.save({"rows": rows})
            bar.update()
        bar.close()
        with atomic_write(job.output.held) as path:
            pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

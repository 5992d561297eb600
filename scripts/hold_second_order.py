"""One network trained from scratch by K-FAC at learning rates that are held: a CSV."""

import pandas as pd

from normscope import devices
from normscope.analysis import open_data
from normscope.images import datasets
from normscope.job import atomic_write, log_to, progress
from normscope.networks import placing, second_order, sgd, variants
from normscope.resume import resumable


def main(job):
    seed, name = int(job.wildcards.seed), job.wildcards.network
    held, variant = job.params.held, job.params.variant
    device, dataset = open_data(job)
    classes, size = len(dataset.classes), dataset.size
    architecture = variants.architecture(
        variant, job.params.widths, "relu", classes, size
    )
    settings = job.params.training | {"steps": held["steps"]}
    sgd.steps(len(dataset.train), settings["batch_size"])
    batch, *_ = datasets.fixed_batches(
        dataset, seed, job.params.batch_size, job.params.batch_size
    )
    bar = progress(len(held["rates"]), name, "learning rates")
    with resumable(job, job.output.held) as state:
        rows = (state.load() or {"rows": []})["rows"]
        bar.update(len(rows))
        for rate in sorted(held["rates"])[len(rows) :]:
            # The same weights, and the same images in the same order, at each rate.
            network = variants.build(architecture, devices.generator(seed, "weights"))
            row = second_order.hold(
                placing.place(network, device),
                dataset,
                rate,
                settings,
                batch,
                devices.generator(seed, "augmentation"),
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

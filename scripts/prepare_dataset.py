"""Images and labels of the run as one file, dataset.h5."""

import numpy as np

from normscope import datasets, sources, store
from normscope.job import Refused, log_to
from normscope.provenance import facts


def main(job):
    settings = job.params.dataset
    train, test, classes = sources.SOURCES[settings["name"]](settings)
    rng = np.random.default_rng([settings["seed"], 1])
    splits = {"train": train, "test": test}
    arrays, refusals = {}, []
    for name, pictures in splits.items():
        chosen = np.arange(len(pictures.labels))
        size = settings[f"{name}_size"]
        if size is not None:
            chosen = datasets.balanced_subset(pictures.labels, size, rng)
        try:
            arrays[f"{name}/images"] = pictures.read(chosen)
        except Refused as refusal:  # which the other split may have as well
            refusals.append(str(refusal))
        arrays[f"{name}/labels"] = pictures.labels[chosen]
        print(f"{name}: {len(chosen)} images of {len(classes)} classes")
    if refusals:
        raise Refused("; ".join(refusals))
    mean, std = sources.colour_statistics(arrays["train/images"])
    store.write(
        job.output.dataset,
        arrays,
        facts(job)
        | {"classes": classes, "mean": mean, "std": std, "source": settings["name"]},
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

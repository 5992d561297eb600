"""Images and labels of the run as one file, dataset.h5."""

from importlib import import_module

import numpy as np

from normscope import store
from normscope.images import datasets, labelled
from normscope.job import UserError, log_to
from normscope.provenance import facts


def main(job):
    settings = job.params.dataset
    source = import_module(f"normscope.images.sources.{settings['name']}")
    train, test, classes = source.read(settings)
    rng = np.random.default_rng([settings["seed"], 1])
    splits = {"train": train, "test": test}
    arrays, refusals = {}, []
    for name, pictures in splits.items():
        chosen = np.arange(len(pictures.labels))
        size = settings[f"{name}_size"]
        if size is not None:
            chosen = datasets.balanced_subset(pictures.labels, size, rng, name, classes)
        try:
            arrays[f"{name}/images"] = pictures.read(chosen)
        except UserError as refusal:  # which the other split may have as well
            refusals.append(str(refusal))
        arrays[f"{name}/labels"] = pictures.labels[chosen]
        print(f"{name}: {len(chosen)} images of {len(classes)} classes")
    if refusals:
        raise UserError("; ".join(refusals))
    mean, std = labelled.colour_statistics(arrays["train/images"])
    store.write(
        job.output.dataset,
        datasets.LAYOUT,
        arrays,
        facts(job)
        | {
            "classes": classes,
            "mean": mean,
            "std": std,
            "source": settings["name"],
            "size": arrays["train/images"].shape[-1],
        },
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

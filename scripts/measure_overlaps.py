"""How much of each eigenvector lies in the spans of gradients of the logits.

Class-mean and placebo gradients are made here, on the images of the Hessian, so that
nothing of the size of the parameters is stored for them.
"""

import pandas as pd
import torch

from normscope import devices, store
from normscope.analysis import open_analysis
from normscope.curvature.overlaps import overlap_columns
from normscope.job import atomic_write, log_to
from normscope.networks.parameters import trainable
from normscope.outputs.names import MOMENTS
from normscope.outputs.rivals import rival_gradients


def main(job):
    seed = int(job.wildcards.seed)
    pairs, _ = store.read(job.input.eigenpairs, "eigenvalues", "eigenvectors")
    gradients, _ = store.read(job.input.gradients, *MOMENTS)
    this = open_analysis(job, job.params.batch_size, job.params.images)
    store.require_same_size(
        {
            job.input.network: sum(w.numel() for w in trainable(this.network).values()),
            job.input.eigenpairs: pairs["eigenvectors"].shape[1],
            job.input.gradients: gradients["mean"].shape[1],
        }
    )
    class_means, placebos = rival_gradients(
        this.network,
        this.batches,
        len(this.classes),
        devices.generator(seed, "placebo signs"),
    )
    columns = overlap_columns(
        torch.from_numpy(pairs["eigenvectors"]).to(this.device),
        [torch.from_numpy(gradients[name]).to(this.device) for name in MOMENTS],
        class_means,
        placebos,
        devices.generator(seed, "placebo spaces"),
    )
    table = pd.DataFrame({"eigenvalue": pairs["eigenvalues"]} | columns)
    table.insert(0, "eigenvector", range(1, len(table) + 1))
    with atomic_write(job.output.overlaps) as path:
        table.to_csv(path, index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

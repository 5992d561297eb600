"""How much of each eigenvector lies in the span of the moment gradients."""

import pandas as pd

from normscope import store
from normscope.curvature import subspaces
from normscope.job import atomic_write, log_to
from normscope.outputs.names import MOMENTS


def main(job):
    pairs, _ = store.read(job.input.eigenpairs, "eigenvalues", "eigenvectors")
    gradients, _ = store.read(job.input.gradients, *MOMENTS)
    store.require_same_size(
        {
            job.input.eigenpairs: pairs["eigenvectors"].shape[1],
            job.input.gradients: gradients["mean"].shape[1],
        }
    )
    bases = subspaces.orthonormal_groups([gradients[name] for name in MOMENTS])
    table = pd.DataFrame(
        {
            name: subspaces.overlaps(pairs["eigenvectors"], basis)
            for name, basis in zip(MOMENTS, bases, strict=True)
        }
    )
    table["total"] = table.sum(axis=1)
    table.insert(0, "eigenvector", range(1, len(table) + 1))
    table.insert(1, "eigenvalue", pairs["eigenvalues"])
    with atomic_write(job.output.overlaps) as path:
        table.to_csv(path, index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

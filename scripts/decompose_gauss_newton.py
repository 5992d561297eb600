"""Leading eigenpairs of the Gauss-Newton matrix, and how it lies to the Hessian's:
gauss_newton.h5.
"""

import torch

from normscope import store
from normscope.curvature import comparison, decomposition
from normscope.curvature.gauss_newton import GaussNewton
from normscope.job import log_to
from normscope.resume import resumable


def main(job):
    hessian, attributes = decomposition.hessian_of(job)
    found, _ = store.read(job.input.eigenpairs, "eigenvalues", "eigenvectors")
    store.require_same_size(
        {
            job.input.network: hessian.dimension,
            job.input.eigenpairs: found["eigenvectors"].shape[1],
        }
    )
    pairs = comparison.HessianPairs(
        torch.from_numpy(found["eigenvalues"]),
        torch.from_numpy(found["eigenvectors"]).to(hessian.device),
    )
    matrix, output = GaussNewton(hessian), job.output.eigenpairs
    with resumable(job, output) as state:
        decomposition.write_leading_eigenpairs(
            job, matrix, job.params.hessian["k"], output, attributes, state
        )
        # Once more, with what is known only now: as whole as before at any moment.
        arrays, attributes = store.read(output)
        leading = torch.from_numpy(arrays["eigenvectors"]).to(hessian.device)
        more = comparison.compared(
            matrix, pairs, leading, job.config["hessian"]["memory_gb"] or 0.0
        )
        store.write(
            output,
            decomposition.LAYOUT | comparison.LAYOUT,
            arrays | {name: values.numpy() for name, values in more.items()},
            attributes,
        )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

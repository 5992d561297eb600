"""Leading eigenpairs of the Hessian off all moment gradients: hessian_projected.h5."""

import torch

from normscope import curvature, store
from normscope.hessian import Projected
from normscope.job import log_to
from normscope.subspaces import orthonormal_groups


def main(job):
    hessian, attributes = curvature.hessian_of(job)
    gradients, _ = store.read(job.input.gradients, *store.MOMENTS)
    store.same_parameters(
        {
            job.input.network: hessian.dimension,
            job.input.gradients: gradients["mean"].shape[1],
        }
    )
    groups = [torch.from_numpy(gradients[name]) for name in store.MOMENTS]
    rows = torch.cat(orthonormal_groups(groups)).to(hessian.device)
    curvature.write_leading_eigenpairs(
        job,
        Projected(hessian, rows),
        attributes | {"projected_dimensions": len(rows)},
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

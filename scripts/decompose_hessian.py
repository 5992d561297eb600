"""Leading eigenpairs of the Hessian of the loss, whole and off all moment gradients.

hessian.h5 and hessian_projected.h5, by one job, as linearising the network at each
batch takes as long as two products.
"""

import numpy as np
import torch

from normscope import store
from normscope.curvature import decomposition
from normscope.curvature.hessian import Projected
from normscope.curvature.subspaces import orthonormal_groups
from normscope.job import log_to
from normscope.outputs.names import MOMENTS
from normscope.resume import resumable


def main(job):
    settings = job.params.hessian
    hessian, attributes = decomposition.hessian_of(job)
    gradients, _ = store.read(job.input.gradients, *MOMENTS)
    store.require_same_size(
        {
            job.input.network: hessian.dimension,
            job.input.gradients: gradients["mean"].shape[1],
        }
    )
    bases = orthonormal_groups([gradients[name] for name in MOMENTS])
    rows = torch.from_numpy(np.concatenate(bases)).to(hessian.device)
    projected_attributes = attributes | {"projected_dimensions": len(rows)}
    with (
        resumable(job, job.output.eigenpairs) as state,
        resumable(job, job.output.projected) as projected_state,
    ):
        decomposition.write_leading_eigenpairs(
            job, hessian, settings["k"], job.output.eigenpairs, attributes, state
        )
        decomposition.write_leading_eigenpairs(
            job,
            Projected(hessian, rows),
            settings["projected_k"] or settings["k"],
            job.output.projected,
            projected_attributes,
            projected_state,
        )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

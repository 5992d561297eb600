"""Leading eigenpairs of the Hessian of the loss: whole, off the gradients of all
moments, and off those of the means.

Three files by one job, as linearising the network at each batch takes as long as two
products.
"""

from contextlib import ExitStack

import numpy as np
import torch

from normscope import devices, store
from normscope.curvature import decomposition
from normscope.curvature.hessian import Projected
from normscope.curvature.subspaces import orthonormal_groups
from normscope.job import log_to
from normscope.outputs.names import MOMENTS
from normscope.resume import resumable


def main(job):
    hessian, attributes = decomposition.hessian_of(job)
    print(hessian.ways)
    gradients, _ = store.read(job.input.gradients, *MOMENTS)
    store.require_same_size(
        {
            job.input.network: hessian.dimension,
            job.input.gradients: gradients["mean"].shape[1],
        }
    )
    bases = orthonormal_groups([gradients[name] for name in MOMENTS])
    spans = {
        job.output.projected: np.concatenate(bases),
        job.output.off_means: bases[0],
    }
    settings, whole = job.params.hessian, job.output.eigenpairs
    shift = decomposition.common_shift(
        hessian, devices.generator(int(job.wildcards.seed), "common shift")
    )
    flat = {} if shift is None else {"common_shift": hessian(shift).norm().item()}
    with ExitStack() as stack:
        states = {
            output: stack.enter_context(resumable(job, output))
            for output in (whole, *spans)
        }
        decomposition.write_leading_eigenpairs(
            job,
            hessian,
            settings["k"],
            whole,
            attributes | flat,
            states[whole],
        )
        for output, basis in spans.items():
            rows = torch.from_numpy(basis).to(hessian.device)
            decomposition.write_leading_eigenpairs(
                job,
                Projected(hessian, rows),
                settings["projected_k"] or settings["k"],
                output,
                attributes | {"projected_dimensions": len(rows)},
                states[output],
            )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

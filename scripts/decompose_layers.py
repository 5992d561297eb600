"""The largest eigenvalue of each layer's own block of the Hessian: layers.csv."""

import pandas as pd

from normscope import devices
from normscope.curvature import decomposition
from normscope.curvature.blocks import Block, places_of_layers
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.job import atomic_write, log_to
from normscope.resume import resumable


def main(job):
    hessian, _ = decomposition.hessian_of(job)
    with resumable(job, job.output.layers) as state:
        rows = (state.load() or {"rows": []})["rows"]
        for layer, places in [*places_of_layers(hessian.network).items()][len(rows) :]:
            block = Block(hessian, places)
            rng = devices.generator(int(job.wildcards.seed), "block", layer)
            pairs = leading_eigenpairs(block, 1, job.params.hessian["tolerance"], rng)
            (residual,) = decomposition.fresh_residuals(block, pairs).tolist()
            print(f"{layer}: {pairs.matvecs} products, residual {residual:.2g}")
            rows.append(
                {
                    "layer": layer,
                    "parameters": block.dimension,
                    "largest_eigenvalue": pairs.eigenvalues.item(),
                    "residual": residual,
                }
            )
            state.save({"rows": rows})
        with atomic_write(job.output.layers) as path:
            pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

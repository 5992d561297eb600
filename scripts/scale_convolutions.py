"""What the scale of one convolution after the other does to the means behind the next
norm: scaling.csv.
"""

import pandas as pd

from normscope.analysis import open_analysis
from normscope.job import UserError, atomic_write, log_to
from normscope.outputs import scaling

CHANGE = 0.05  # of a convolution's weights, either way


def main(job):
    count = job.params.images
    this = open_analysis(job, count, count, "perturbation")
    ((images, _),) = this.batches
    rows = []
    for block in scaling.blocks(this.network, images):
        row = scaling.rescaled(this.network, images, block, CHANGE)
        rows.append({"layer": block[0]} | row)
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()))
    if not rows:
        raise UserError(
            f"{job.wildcards.network} has no norm behind an activation; name another "
            "network in config key stability.scaled"
        )
    with atomic_write(job.output.scaling) as path:
        pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

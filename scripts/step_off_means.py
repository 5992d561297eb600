"""What steps along the gradients of the logits' variances and third moments do without
their parts in the span of the mean gradients: moment_steps.csv.
"""

from functools import partial

import pandas as pd
import torch

from normscope import store
from normscope.analysis import open_analysis
from normscope.curvature.hessian import mean_loss
from normscope.curvature.subspaces import orthonormal
from normscope.job import atomic_write, log_to
from normscope.networks.losses import smoothed_cross_entropy
from normscope.networks.parameters import detached, flatten
from normscope.networks.slopes import move_to
from normscope.outputs.names import MOMENTS


def main(job):
    settings = job.params.hessian
    this = open_analysis(job, settings["batch_size"], settings["images"])
    loss = partial(smoothed_cross_entropy, smoothing=job.params.smoothing)
    gradients, _ = store.read(job.input.gradients, *MOMENTS)
    start = flatten(detached(this.network).values()).clone()
    store.require_same_size(
        {
            job.input.network: len(start),
            job.input.gradients: gradients["mean"].shape[1],
        }
    )
    by_moment = {
        name: torch.from_numpy(gradients[name]).to(this.device) for name in MOMENTS
    }
    means = orthonormal(by_moment.pop("mean"))
    unmoved = mean_loss(this.network, loss, this.batches)
    length, rows = job.params.step * start.norm(), []
    for moment, of_moment in by_moment.items():
        for number, gradient in enumerate(of_moment):
            rest = gradient - means.T @ (means @ gradient)
            moved = []
            for sign in (1, -1):
                move_to(this.network, start + sign * length * rest / rest.norm())
                moved.append(mean_loss(this.network, loss, this.batches))
            rows.append(
                {
                    "moment": moment,
                    "class": number,
                    "squared_gradient": (rest @ rest).item(),
                    "loss_rise": sum(moved) / 2 - unmoved,
                }
            )
            print("  ".join(f"{key} {value}" for key, value in rows[-1].items()))
    with atomic_write(job.output.steps) as path:
        pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""What the means of the convolutions' inputs do to gradients and curvature, at fixed
weights: centring.csv.

Once as the network is, and once with each convolution's weights acting on inputs less
their means, which leaves the outputs as they are.
"""

from functools import partial

import pandas as pd
import torch

from normscope import devices
from normscope.analysis import open_analysis
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.job import atomic_write, log_to
from normscope.networks.centred import centred
from normscope.networks.losses import smoothed_cross_entropy
from normscope.networks.parameters import trainable
from normscope.outputs.spans import mean_gradients


def main(job):
    settings = job.params.hessian
    this = open_analysis(job, settings["batch_size"], settings["images"])
    images = torch.cat([images for images, _ in this.batches])
    networks = {
        "as they are": this.network,
        "centred": centred(this.network, images),
    }
    rows = []
    for inputs, network in networks.items():
        rows.append({"inputs": inputs} | measured(job, network, this.batches))
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()))
    with atomic_write(job.output.centring) as path:
        pd.DataFrame(rows).to_csv(path, index=False)


def measured(job, network, batches) -> dict[str, float]:
    """The largest eigenvalue, and the squared norms of the mean gradients in the last
    layer's weights and in all others: medians over the logits.
    """
    memory_gb = job.config["hessian"]["memory_gb"]
    if memory_gb is None:
        memory_gb = devices.free_gigabytes(batches[0][0].device, job) / 2
    loss = partial(smoothed_cross_entropy, smoothing=job.params.smoothing)
    pairs = leading_eigenpairs(
        Hessian(network, loss, batches, memory_gb),
        1,
        job.params.hessian["tolerance"],
        devices.generator(int(job.wildcards.seed), "lanczos"),
        starts=1,
    )
    *_, last = trainable(network).values()
    squares = mean_gradients(network, batches).square()
    return {
        "lambda_1": pairs.eigenvalues[0].item(),
        "inner_gradient": squares[:, : -last.numel()].sum(dim=1).median().item(),
        "last_gradient": squares[:, -last.numel() :].sum(dim=1).median().item(),
    }


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

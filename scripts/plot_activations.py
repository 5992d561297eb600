"""Figure 15: ReLU, and the smooth softplus that has a second derivative to look at."""

import numpy as np
import torch
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.networks.activations import relu, softplus


def main(job):
    drawing.save(draw(), *job.output.svg, *job.output.png)


def draw() -> Figure:
    """Both functions, and how far apart they are."""
    inputs = np.linspace(-2, 2, 4001)
    values = {
        name: activation.build()(torch.from_numpy(inputs)).numpy()
        for name, activation in (("ReLU", relu), ("softplus", softplus))
    }
    gap = values["softplus"] - values["ReLU"]
    figure, (functions, difference) = drawing.panels(2, 2, (3.3, 2.4))
    for (name, outputs), style in zip(values.items(), ("-", "--"), strict=True):
        functions.plot(inputs, outputs, style, label=name)
    functions.legend()
    functions.set_label("functions")
    functions.set(xlabel="x", ylabel="output")
    near = np.abs(inputs) <= 0.6
    difference.plot(inputs[near], gap[near], color="0.2")
    difference.set_label("difference")
    difference.set(xlabel="x", ylabel="softplus less ReLU")
    drawing.set_title(
        figure,
        f"Softplus is at most {gap.max():.3f} above ReLU, and equal to it from 0.25 on",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

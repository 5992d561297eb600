"""Figure 15: ReLU, and the smooth softplus that has a second derivative to look at."""

import numpy as np
import torch
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.networks.activations import relu, softplus

STYLES = {
    "ReLU": {"color": "0.5", "linewidth": 2.5},
    "softplus": {"color": "0.2", "linestyle": "--"},
}
MARKED = (-2, -1, 0, 1, 2)
MARKED_NEAR = (-0.4, -0.2, -0.1, 0, 0.1, 0.2, 0.4)
FILLED, OPEN = {"color": "0.2"}, {"color": "0.2", "markerfacecolor": "white"}


def main(job):
    drawing.save(draw(), *job.output.svg, *job.output.png)


def draw() -> Figure:
    """Both functions, and how far apart they are: with a jump, from a filled dot to an
    open one.
    """
    inputs = np.arange(-2000, 2001) / 1000
    values = {
        name: activation.build()(torch.from_numpy(inputs)).numpy()
        for name, activation in (("ReLU", relu), ("softplus", softplus))
    }
    figure, (functions, difference) = drawing.panels(2, 2, (3.3, 2.4))
    for name, outputs in values.items():
        functions.plot(inputs, outputs, label=name, **STYLES[name])
        _mark(functions, name, inputs, outputs, MARKED, FILLED)
    functions.legend()
    functions.set_label("functions")
    functions.set(xlabel="x", ylabel="output")

    gap = values["softplus"] - values["ReLU"]
    last = np.flatnonzero(gap)[-1]  # before the jump
    near = np.abs(inputs) <= 0.6
    for part in (inputs <= inputs[last], inputs > inputs[last]):
        difference.plot(inputs[near & part], gap[near & part], **FILLED)
    places = [*MARKED_NEAR, inputs[last]]
    _mark(difference, "difference", inputs, gap, places, FILLED)
    _mark(difference, "difference", inputs, gap, [inputs[last + 1]], OPEN)
    difference.set_label("difference")
    difference.set(xlabel="x", ylabel="softplus less ReLU")
    drawing.set_title(
        figure,
        f"Softplus is at most {gap.max():.3f} above ReLU, and equal to it beyond "
        f"{inputs[last]:g}",
    )
    return figure


def _mark(axis, name, inputs, outputs, places, style) -> None:
    """Dots on a curve that say its values at some of its inputs."""
    for place in places:
        value = outputs[np.searchsorted(inputs, place)]
        said = drawing.tip(name, f"x = {place:g}", f"{value:.3g}")
        axis.plot(place, value, "o", markersize=3.5, **style, gid=said)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 30: gradient descent on a parabola at learning rates around the limit."""

from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.descent import iterates

# Where to start at each learning rate: on the curve's arm, or near its foot.
STARTS = {0.5: 10, 1.5: 10, 1.9: 10, 2.0: 6, 2.05: 4, 2.2: 2}
STEPS = 10


def main(job):
    drawing.save(draw(), *job.output.svg, *job.output.png)


def draw() -> Figure:
    """A parabola per rate with a dot per iterate, and arrows from one to the next."""
    figure, axes = drawing.panels(len(STARTS), 3, (1.7, 1.9))
    line = np.linspace(-11, 11, 401)
    for axis, (rate, start) in zip(axes, STARTS.items(), strict=True):
        axis.plot(line, line**2 / 2, color=drawing.PALETTE[0])
        places = iterates(rate, start, STEPS)
        for step, place in enumerate(places):
            said = drawing.tip(f"rate {rate:g} / curvature", f"step {step}", "x = {}")
            axis.plot(
                place, place**2 / 2, "o", color="black", markersize=2.5,
                gid=said.format(f"{place:.3g}"),
            )  # fmt: skip
        for before, after in pairwise(places):
            axis.annotate(
                "", (after, after**2 / 2), (before, before**2 / 2),
                arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 0.8,
                            "mutation_scale": 9, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
        axis.set_label(f"rate {rate:g}")
        axis.set_title(
            f"rate {rate:g} / curvature\ndistance x {abs(1 - rate):.3g} a step"
        )
        axis.set(xlim=(-11, 11), ylim=(-2, 60))
        axis.set_axis_off()
    drawing.set_title(
        figure,
        "Gradient descent converges below a learning rate of 2 / curvature, keeps its "
        "distance at it and diverges above",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

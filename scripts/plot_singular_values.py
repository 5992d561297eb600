"""Figure 10: singular values of the map from a linear chain's inputs to a layer."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.runs import Experiment
from normscope.results.untrained import largest_in_theory, singular_values

BINS = 50


def main(job):
    for path, experiment, svg, png in zip(
        job.input.statistics,
        job.params.experiments,
        job.output.svg,
        job.output.png,
        strict=True,
    ):
        values = singular_values(Experiment(Path(path)))
        drawing.save(draw(experiment, values), svg, png)


def draw(experiment, values) -> Figure:
    """A histogram per depth, and the density for infinitely wide layers."""
    figure, axes = drawing.panels(len(values), 3, (2.6, 1.9), sharex=True, sharey=True)
    for axis, (depth, singular) in zip(axes, values.items(), strict=True):
        axis.hist(singular, BINS, density=True, color=drawing.PALETTE[0], alpha=0.5)
        axis.plot(*limit_density(depth), color="0.2", linewidth=1)
        axis.axvline(largest_in_theory(depth), color="0.2", linewidth=1, linestyle=":")
        axis.set_title(f"fc{depth}: up to {singular.max():.1f}")
        axis.set_yscale("log")
        drawing.number_log_ticks(axis.yaxis)
    axes[0].set_ylim(1e-4, 10)
    depth = max(values)
    theory = largest_in_theory(depth)
    axes[0].set_xlim(0, 1.05 * max(theory, *map(np.max, values.values())))
    figure.supxlabel("singular value", fontsize=9)
    figure.supylabel("density", fontsize=9)
    drawing.set_title(
        figure,
        f"{drawing.label(experiment)}: {depth} layers stretch some direction by "
        f"{values[depth].max():.1f} (infinitely wide layers: {theory:.1f})",
    )
    return figure


def limit_density(depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Singular values and their density, for a product of infinitely wide matrices.

    The squares follow the Fuss-Catalan distribution (Forrester and Liu 2014, Raney
    distributions and random matrix theory), here in its parametrisation by an angle.
    """
    angle = np.linspace(0, np.pi / (depth + 1), 2001)[1:-1]
    whole, part = np.sin((depth + 1) * angle), np.sin(depth * angle)
    logarithm = (
        (depth + 1) * np.log(whole) - np.log(np.sin(angle)) - depth * np.log(part)
    )
    singular = np.exp(logarithm / 2)
    density = whole * np.sin(angle) / (np.pi * part) / singular**2
    return singular, 2 * singular * density


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

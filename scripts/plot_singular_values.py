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
    for path, settings, svg, png in zip(
        job.input.statistics,
        job.params.experiments.values(),
        job.output.svg,
        job.output.png,
        strict=True,
    ):
        values = singular_values(Experiment(Path(path)))
        drawing.save(draw(settings, values), svg, png)


def draw(settings, values) -> Figure:
    """A histogram per depth, and the density for infinitely wide layers."""
    figure, axes = drawing.panels(len(values), 3, (2.5, 2.1))
    figure.set_figheight(figure.get_figheight() + 0.7)
    depth = max(values)
    theory = largest_in_theory(depth)
    right = 1.05 * max(theory, *map(np.max, values.values()))
    for axis, (layer, singular) in zip(axes, values.items(), strict=True):
        color = drawing.PALETTE[0]
        bars = axis.hist(singular, BINS, density=True, color=color, alpha=0.5)[2]
        (line,) = axis.plot(*limit_density(layer), color="0.2", linewidth=1)
        edge = axis.axvline(
            largest_in_theory(layer), color="0.2", linewidth=1, linestyle=":"
        )
        axis.set_label(f"layer {layer}")
        axis.set_title(f"layer {layer}: up to {singular.max():.1f}")
        axis.set(xlabel="singular value", ylabel="density")
        axis.set(yscale="log", xlim=(0, right), ylim=(1e-4, 10))
        drawing.number_log_ticks(axis.yaxis)
    figure.legend(
        [bars, line, edge],
        ["this network", "theory: infinitely wide layers", "theory: the largest"],
        loc="outside lower left", fontsize=drawing.SMALL,
    )  # fmt: skip
    drawing.set_title(
        figure,
        f"Fully connected linear network, {settings['width']} wide: {depth} layers "
        f"stretch some direction by {values[depth].max():.1f} (in theory {theory:.1f})",
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

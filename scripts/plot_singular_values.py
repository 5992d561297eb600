"""Figure 10: singular values of the map from a linear chain's inputs to a layer."""

import numpy as np
from matplotlib.figure import Figure

from normscope import drawing, store
from normscope.job import log_to

BINS = 50


def main(job):
    for path, experiment, svg, png in zip(
        job.input.statistics,
        job.params.experiments,
        job.output.svg,
        job.output.png,
        strict=True,
    ):
        values = store.group(store.read(path)[0], "singular_values")
        by_depth = {int(layer.removeprefix("fc")): row for layer, row in values.items()}
        drawing.save(draw(experiment, dict(sorted(by_depth.items()))), svg, png)


def draw(experiment, values) -> Figure:
    """A histogram per depth, and the density for infinitely wide layers."""
    figure, axes = drawing.panels(len(values), 3, (2.6, 1.9), sharex=True, sharey=True)
    for axis, (depth, singular) in zip(axes, values.items(), strict=True):
        axis.hist(singular, BINS, density=True, color=drawing.PALETTE[0], alpha=0.5)
        axis.plot(*limit_density(depth), color="0.2", linewidth=1)
        axis.axvline(edge(depth), color="0.2", linewidth=1, linestyle=":")
        axis.set_title(f"fc{depth}: up to {singular.max():.1f}")
        axis.set_yscale("log")
        drawing.number_log_ticks(axis.yaxis)
    axes[0].set_ylim(1e-4, 10)
    axes[0].set_xlim(
        0, 1.05 * max(max(map(np.max, values.values())), edge(max(values)))
    )
    figure.supxlabel("singular value", fontsize=9)
    figure.supylabel("density", fontsize=9)
    depth = max(values)
    drawing.set_title(
        figure,
        f"{drawing.label(experiment)}: {depth} layers stretch some direction by "
        f"{values[depth].max():.1f} (infinitely wide layers: {edge(depth):.1f})",
    )
    return figure


def edge(depth: int) -> float:
    """The largest singular value of a product of `depth` infinitely wide matrices.

    Of entries of variance 1 / width: sqrt((L + 1)^(L + 1) / L^L).
    """
    return np.sqrt((depth + 1.0) * (1 + 1 / depth) ** depth)


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

"""Figure 38: the leading eigenvalues, whole and with moments projected out."""

from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.results.curvature import (
    eigenvalues,
    eigenvalues_off_means,
    largest_eigenvalue,
    largest_eigenvalue_off_means,
    largest_projected_eigenvalue,
    projected_eigenvalues,
    scaled_largest_eigenvalue,
    scaled_projected_eigenvalue,
)
from normscope.results.runs import collect, medians, networks_of

# The Hessian, and it restricted to complements: all eigenvalues, and the largest.
STAGES = {
    "whole Hessian": (eigenvalues, largest_eigenvalue),
    "gradients of the mean logits projected out": (
        eigenvalues_off_means,
        largest_eigenvalue_off_means,
    ),
    "those of all three moments projected out": (
        projected_eigenvalues,
        largest_projected_eigenvalue,
    ),
}
MARKERS = "oDs"
OFFSET = 0.19  # of the rows of stages, in rows of networks
LARGEST = {"s": 30, "edgecolor": "black", "linewidth": 0.8, "zorder": 5}


def main(job):
    networks = networks_of(job.input.eigenpairs)
    tables = [
        collect(networks, lambda each, read=read: spectra.numbered(read(each)))
        for read, _ in STAGES.values()
    ]
    largest = [medians(networks, quantity) for _, quantity in STAGES.values()]
    scaled = [
        medians(networks, quantity)
        for quantity in (scaled_largest_eigenvalue, scaled_projected_eigenvalue)
    ]
    ends = {name: _steps(scaled, name, ",.0f") for name in job.params.networks}
    title = (
        "Largest curvature, scaled, before and after projecting out all moments' "
        f"gradients:\n{drawing.of_roles(ends, job.params.roles)}"
    )
    article = [job.params.article, {}, job.params.projected_article]
    figure = draw(tables, largest, job.params.networks, title, article)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(tables, largest, networks, title, article) -> Figure:
    """A row of dots for each network and stage, and arrows from the largest to the
    largest. `largest` are medians over seeds by network, in the order of the stages.
    """
    figure = Figure((drawing.WIDEST, 0.8 * len(networks) + 2))
    axis = figure.subplots()
    axis.set_label("eigenvalues")
    axis.set(xscale="log", xlabel="magnitude of the eigenvalue of the mean loss")
    for row, (network, colour) in enumerate(drawing.colours(networks).items()):
        rows = [row + OFFSET * stage for stage in (-0.5, 0.5, 1.5)]
        for place, table, published, marker in zip(
            rows, tables, article, MARKERS, strict=True
        ):
            _draw_dots(axis, table, network, place, colour, marker)
            for number, value in enumerate(published.get(network, []), start=1):
                said = drawing.tip(network, f"v{number} in the article", f"{value:.3g}")
                marks = abs(value), place + 0.02, place + 0.12
                axis.vlines(*marks, gid=said, **drawing.ARTICLE)
        _draw_arrows(axis, largest, network, rows, colour)
    drawing.draw_network_rows(
        axis,
        [f"{drawing.label(name)}: {_steps(largest, name)}" for name in networks],
    )
    spectra.number_magnitudes(
        axis.xaxis, np.concatenate([table.eigenvalue.abs() for table in tables])
    )
    _draw_legend(figure)
    drawing.set_title(figure, title)
    drawing.note_article(figure, [values for values in article if values])
    return figure


def _draw_arrows(axis, largest, network, rows, colour) -> None:
    """The largest eigenvalue of each stage, and arrows from one to the next."""
    values = [each[network] for each in largest]
    for stage, place, value, marker in zip(STAGES, rows, values, MARKERS, strict=True):
        said = drawing.tip(network, f"largest, {stage}", f"{value:.3g}")
        axis.scatter(value, place, marker=marker, color=colour, gid=said, **LARGEST)
    for start, end in pairwise(zip(values, rows, strict=True)):
        arrow = {"arrowstyle": "-|>", "color": "black", "shrinkA": 4}
        axis.annotate("", end, start, arrowprops=arrow, zorder=6)


def _draw_legend(figure) -> None:
    style = {"color": "0.5", "markeredgecolor": "black", "linestyle": ""}
    handles = [
        Line2D([], [], marker=marker, markersize=5, label=words, **style)
        for marker, words in zip(MARKERS, STAGES, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower left", fontsize=drawing.SMALL)


def _steps(values, network, form=".2g") -> str:
    return " → ".join(f"{each[network]:{form}}" for each in values)


def _draw_dots(axis, table, network, place, colour, marker) -> None:
    """Faint dots at the magnitudes of the eigenvalues; hollow ones are negative."""
    for pair in table[table.network == network].itertuples():
        axis.scatter(
            abs(pair.eigenvalue), place, s=14, marker=marker, linewidth=0.8, alpha=0.45,
            edgecolor=colour, facecolor="none" if pair.eigenvalue < 0 else colour,
            gid=drawing.tip(
                network, f"v{pair.eigenvector}", f"{pair.eigenvalue:.3g}"
            ),
        )  # fmt: skip


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 54: leading eigenvalues of the Hessian and of its Gauss-Newton part."""

from contextlib import suppress

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from normscope.figures import drawing, spectra
from normscope.job import log_to
from normscope.results.curvature import eigenvalues
from normscope.results.gauss_newton import (
    gauss_newton_eigenvalues,
    overlap_with_gauss_newton,
)
from normscope.results.runs import Missing, collect, medians, networks_of

CIRCLE = {"marker": "o", "facecolor": "none", "edgecolor": "black", "s": 34}


def main(job):
    networks = networks_of(job.input.matrix)
    hessian, part = (
        collect(networks, lambda each, values=values: spectra.numbered(values(each)))
        for values in (eigenvalues, gauss_newton_eigenvalues)
    )
    overlaps = {}
    with suppress(Missing):
        overlaps = medians(networks, overlap_with_gauss_newton)
    title = (
        "Of the leading directions of the Hessian, as many as classes less one, lie in "
        "the span of as many of its Gauss-Newton part: "
        f"{drawing.of_roles(overlaps, job.params.roles, '.0%') or 'not measured'}"
    )
    figure = draw(hessian, part, job.params.networks, title)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(hessian, part, networks, title) -> Figure:
    """A panel per network: its eigenvalues by their number, medians over seeds."""
    colours = drawing.colours(networks)
    figure, axes = drawing.panels(len(networks), 3, (3.2, 2.4))
    figure.set_figheight(figure.get_figheight() + 0.5)
    for axis, network in zip(axes, networks, strict=True):
        for table, what, style in (
            (hessian, "Hessian", {"color": colours[network], "s": 22, "linewidth": 0}),
            (part, "Gauss-Newton part", CIRCLE),
        ):
            mine = table[table.network == network].groupby("eigenvector").eigenvalue
            for number, value in mine.median().items():
                said = drawing.tip(network, f"v{number}, {what}", f"{value:.3g}")
                axis.scatter(number, value, zorder=4, gid=said, **style)
        axis.set_label(network)
        axis.set_title(drawing.label(network))
        axis.set(xlabel="eigenvector, by descending eigenvalue", ylabel="eigenvalue")
        axis.set_xticks([1, *range(5, hessian.eigenvector.max() + 1, 5)])
        axis.set_ylim(min(0, axis.get_ylim()[0]), None)
    handles = [
        Line2D([], [], linestyle="", marker="o", color="0.5", label="Hessian"),
        Line2D(
            [], [], linestyle="", marker="o", markerfacecolor="none",
            markeredgecolor="black", label="its Gauss-Newton part",
        ),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower left", fontsize=drawing.SMALL)
    drawing.set_title(figure, title)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 61: densities of the whole spectra, networks one above the other."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.curvature import eigenvalues
from normscope.results.runs import medians, networks_of
from normscope.results.whole_spectra import density, outliers_share_of_trace

LINEAR = 0.01  # of the flattest network's largest eigenvalue: a linear axis up to there
BROAD = 0.08  # deviation of the Gaussians, where the axis is logarithmic a factor e^.08
POINTS = 1200


def main(job):
    networks = networks_of(job.input.spectra)
    first = {network.name: network for network in reversed(networks)}
    shares = medians(networks, lambda each: outliers_share_of_trace(each, "hessian"))
    title = (
        "Share of the trace in as many eigenvalues as classes less one: "
        f"{drawing.of_roles(shares, job.params.roles, '.0%')}"
    )
    spectra = {
        name: {
            matrix: density(first[name], matrix)
            for matrix in ("hessian", "gauss_newton")
        }
        for name in job.params.networks
    }
    leading = {name: eigenvalues(first[name]) for name in job.params.networks}
    figure = draw(spectra, leading, title)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(spectra, leading, title) -> Figure:
    """A panel for each network, all on one axis: numbers of eigenvalues, of the first
    seed, as curves; the leading ones as marks below.
    """
    colours = drawing.colours([*spectra])
    values = np.concatenate(
        [nodes.ravel() for found in spectra.values() for nodes, _ in found.values()]
    )
    scale = LINEAR * min(np.abs(found).max() for found in leading.values())
    low, high = (np.arcsinh(end / scale) for end in (values.min(), values.max()))
    grid = np.linspace(low - 0.5, high + 0.5, POINTS)
    figure = Figure((drawing.WIDEST, 1.3 * len(spectra) + 1.3))
    axes = figure.subplots(len(spectra), sharex=True, sharey=True, squeeze=False)
    for axis, (network, found) in zip(axes.flat, spectra.items(), strict=True):
        hessian, part = (_counts(*found[name], grid, scale) for name in found)
        at = scale * np.sinh(grid)
        axis.fill_between(at, hessian, 1e-3, color=colours[network], alpha=0.45, lw=0)
        axis.plot(at, part, color="black", linewidth=0.9)
        for number, value in enumerate(leading[network], start=1):
            said = drawing.tip(network, f"v{number}", f"{value:.3g}")
            place = value, 0.25, 0.55
            axis.vlines(*place, color=colours[network], linewidth=1.2, gid=said)
        axis.set_label(network)
        axis.set_title(drawing.label(network), loc="left")
        axis.set(yscale="log", ylabel="eigenvalues")
        axis.set_xscale("asinh", linear_width=scale)
        axis.xaxis.set_tick_params(labelbottom=True)
        axis.set_xlim(at[0], at[-1])
        axis.xaxis.set_ticks(_ticks(scale, at[0], at[-1]))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        drawing.number_log_ticks(axis.yaxis)
        axis.set_ylim(0.25, 2 * max(hessian.max(), part.max()))
    axes[-1, 0].set_xlabel("eigenvalue")
    handles = [
        Line2D([], [], color="0.6", linewidth=6, label="Hessian"),
        Line2D([], [], color="black", linewidth=0.9, label="its Gauss-Newton part"),
    ]
    figure.legend(handles=handles, loc="outside lower left", fontsize=drawing.SMALL)
    drawing.set_title(figure, title)
    return figure


def _counts(nodes, weights, grid, scale) -> np.ndarray:
    """How many eigenvalues lie at each point of the grid, broadened by Gaussians: one
    alone has the height 1.
    """
    places = np.arcsinh(nodes / scale)
    near = np.exp(-0.5 * ((grid[:, None, None] - places) / BROAD) ** 2)
    return (weights * near).sum(axis=2).mean(axis=1) / weights[0, 0]


def _ticks(scale, low, high) -> list[float]:
    """The powers of ten, of both signs, that the axis shows, and 0, without those whose
    numbers would touch.
    """
    powers = 10.0 ** np.arange(np.floor(np.log10(scale)) + 2, 9)
    return [0.0, *(at for at in [*powers, *-powers] if low <= at <= high)]


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

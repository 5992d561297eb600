"""Figure 60: the largest eigenvalue of each layer's own block of the Hessian."""

from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.figures.spectra import number_magnitudes
from normscope.job import log_to
from normscope.results.curvature import largest_eigenvalue
from normscope.results.layer_blocks import layer_blocks
from normscope.results.runs import collect, medians, networks_of


def main(job):
    networks = networks_of(job.input.layers)
    table = collect(networks, layer_blocks)
    table["largest_eigenvalue"] = table.largest_eigenvalue.abs()
    limiting = {
        name: drawing.label(mine.groupby("layer").largest_eigenvalue.median().idxmax())
        for name, mine in table.groupby("network")
    }
    title = (
        "The layer that curves most by itself: "
        f"{drawing.of_roles(limiting, job.params.roles)}"
    )
    whole = medians(networks, largest_eigenvalue)
    figure = draw(table, whole, job.params.networks, title)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, whole, networks, title) -> Figure:
    """A panel per network, a row per layer: a dot for each seed, and a line where the
    largest eigenvalue of all layers together is.
    """
    colours = drawing.colours(networks)
    rows = table.groupby("network").layer.nunique().max()
    figure, axes = drawing.panels(len(networks), 3, (3.2, 0.17 * rows + 1))
    for axis, network in zip(axes, networks, strict=True):
        mine = table[table.network == network]
        layers = list(dict.fromkeys(mine.layer))
        for each in mine.itertuples():
            axis.scatter(
                each.largest_eigenvalue, layers.index(each.layer), s=22, zorder=4,
                color=colours[network], linewidth=0, alpha=0.8,
                gid=drawing.tip(
                    network, drawing.label(each.layer), f"{each.largest_eigenvalue:.3g}"
                ),
            )  # fmt: skip
        axis.axvline(
            whole[network], color="black", linewidth=1,
            gid=drawing.tip(network, "all layers", f"{whole[network]:.3g}"),
        )  # fmt: skip
        axis.set_label(network)
        axis.set_title(drawing.label(network))
        axis.set(xscale="log", xlabel="largest eigenvalue")
        # Where a norm takes all of a layer's weights out, its block is 0.
        shown = [each for each in (*mine.largest_eigenvalue, whole[network]) if each]
        axis.set_xlim(min(shown) / 1.5, max(shown) * 1.5)
        number_magnitudes(axis.xaxis, mine.largest_eigenvalue)
        axis.set_yticks(range(len(layers)), map(drawing.label, layers))
        axis.set_ylim(len(layers) - 0.5, -0.5)
    drawing.set_title(figure, title)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

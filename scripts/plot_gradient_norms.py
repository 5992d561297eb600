"""Figures 25 and 29: how strongly each layer moves the first output's mean."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from normscope import store
from normscope.figures import drawing, lettering
from normscope.job import log_to
from normscope.results.curvature import layer_gradients, squared_gradient
from normscope.results.runs import Network, collect, medians, networks_of


def main(job):
    measured = networks_of(job.input.gradients)
    table = collect(measured, by_layer)
    totals = medians(measured, squared_gradient)
    last_shares = medians(measured, last_share)
    output = store.attributes(job.input.gradients[0])["classes"][0]
    colours = drawing.colours(job.params.networks)
    groups = job.params.before_activation, job.params.networks
    for networks, svg, png in zip(groups, job.output.svg, job.output.png, strict=True):
        shown = {network: colours[network] for network in networks}
        drawing.save(
            draw(table, totals, last_shares, shown, output, job.params.article),
            svg,
            png,
        )


def by_layer(network: Network) -> pd.DataFrame:
    """Squared norm of the first output's mean gradient in each layer."""
    return pd.DataFrame(layer_gradients(network).items(), columns=["layer", "square"])


def last_share(network: Network) -> float:
    """The last layer's part of the sum of these."""
    squares = [*layer_gradients(network).values()]
    return squares[-1] / sum(squares)


def draw(table, totals, last_shares, colours, output, article) -> Figure:
    """Bars by layer and network, medians over seeds; dots are the seeds."""
    layers = list(table.layer.unique())
    width = 0.8 / len(colours)
    figure = Figure((max(9, 4 + 0.25 * len(layers) * len(colours)), 3.6))
    axis = figure.subplots()
    for index, (network, colour) in enumerate(colours.items()):
        mine = table[table.network == network]
        by_layer = mine.groupby("layer").square.median()[layers]
        places = np.arange(len(layers)) + width * (index + 0.5) - 0.4
        axis.bar(
            places,
            by_layer,
            0.92 * width,
            color=colour,
            label=f"{drawing.label(network)}\n{totals[network]:.3g} in all, "
            f"{last_shares[network]:.0%} in the last layer",
        )
        if mine.seed.nunique() > 1:
            position = dict(zip(layers, places, strict=True))
            axis.scatter(
                mine.layer.map(position), mine.square, s=5, color="black", zorder=4
            )
        if network in article:
            axis.hlines(
                [article[network].get(layer, np.nan) for layer in layers],
                places - width / 2,
                places + width / 2,
                **drawing.ARTICLE,
            )
    axis.set_xticks(range(len(layers)), [drawing.label(name) for name in layers])
    axis.tick_params(axis="x", labelrotation=20, length=0)
    axis.grid(axis="x", visible=False)
    axis.set_ylabel("squared norm of the gradient")
    figure.legend(loc="outside right upper")
    most = drawing.contrast({network: totals[network] for network in colours}, ".3g")
    drawing.set_title(
        figure,
        f'Squared gradient of the mean of the output "{lettering.fitted(output)}":\n'
        f"{most}",
    )
    drawing.note_article(figure, article.keys() & colours.keys())
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

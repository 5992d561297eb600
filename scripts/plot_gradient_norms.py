"""Figures 25 and 29: how strongly each layer moves the mean of the first logit."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from normscope import store
from normscope.figures import drawing, lettering
from normscope.job import log_to
from normscope.results.curvature import layer_gradients, squared_gradient
from normscope.results.runs import Network, collect, medians, networks_of

# Whom the title of each figure names: by their roles.
NAMED = (("batch_norm", "frozen", "none"), ("post", "frozen_post"))

MOST = 24  # rows of a panel


def main(job):
    measured = networks_of(job.input.gradients)
    table = collect(measured, by_layer)
    totals = medians(measured, squared_gradient)
    last_shares = medians(measured, last_share)
    output = store.attributes(job.input.gradients[0])["classes"][0]
    colours = drawing.colours(job.params.networks)
    for networks, named, svg, png in zip(
        job.params.groups, NAMED, job.output.svg, job.output.png, strict=True
    ):
        shown = {network: colours[network] for network in networks}
        words = {
            name: f"{totals[name]:.2g} and {drawing.percent(last_shares[name])}"
            for name in networks
        }
        title = (
            "Squared length of the gradient of the mean logit "
            f'"{lettering.fitted(output)}", and the last layer\'s share of it:\n'
            f"{drawing.of_roles(words, job.params.roles, named=named)}"
        )
        figure = draw(table, totals, shown, title, job.params.article)
        drawing.save(figure, svg, png)


def by_layer(network: Network) -> pd.DataFrame:
    """Each layer's share of the squared length of the first mean logit's gradient; of
    many layers, that of each module around some, or around some of these.
    """
    squares = pd.Series(layer_gradients(network))
    while len(squares) > MOST and squares.index.str.contains(".", regex=False).any():
        deepest = squares.index.str.count(r"\.").max()
        around = [
            name.rpartition(".")[0] if name.count(".") == deepest else name
            for name in squares.index
        ]
        squares = squares.groupby(around, sort=False).sum()
    return pd.DataFrame({"layer": squares.index, "share": squares / squares.sum()})


def last_share(network: Network) -> float:
    """The share of the last layer."""
    squares = pd.Series(layer_gradients(network))
    return float(squares.iloc[-1] / squares.sum())


def draw(table, totals, colours, title, article) -> Figure:
    """A panel per network, a bar per layer, medians over seeds; dots are the seeds."""
    by_network = {name: table[table.network == name] for name in colours}
    most = max(mine.layer.nunique() for mine in by_network.values())
    figure, axes = drawing.panels(len(colours), 3, (2.7, 0.19 * most + 0.9))
    for axis, (network, colour) in zip(axes, colours.items(), strict=True):
        mine = by_network[network]
        layers = list(mine.layer.unique())
        places = np.arange(len(layers))
        shares = mine.groupby("layer").share.median()[layers]
        axis.barh(places, shares, 0.7, color=colour)
        if mine.seed.nunique() > 1:
            rows = mine.layer.map(dict(zip(layers, places, strict=True)))
            axis.scatter(mine.share, rows, s=5, color="black", zorder=4)
        if network in article:
            values = pd.Series(article[network])
            published = (values / values.sum()).reindex(layers)
            axis.vlines(published, places - 0.45, places + 0.45, **drawing.ARTICLE)
        for place, share in zip(places, shares, strict=True):
            axis.text(
                1.02, place, drawing.percent(share, ".1f"), va="center",
                fontsize=drawing.SMALL, transform=axis.get_yaxis_transform(),
            )  # fmt: skip
        axis.set_label(network)
        axis.set_title(f"{drawing.label(network)}\nin all {totals[network]:.2g}")
        axis.set_yticks(
            places, [drawing.label(name).removesuffix(" conv") for name in layers]
        )
        axis.set(xlim=(0, 1), ylim=(len(layers) - 0.4, -0.6), xticks=[0, 0.5, 1])
        axis.set_xlabel("share of each layer")
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
    drawing.set_title(figure, title)
    drawing.note_article(figure, article.keys() & colours.keys())
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

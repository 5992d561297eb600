"""Figures 25 and 29: how strongly each layer moves the means of the logits."""

import pandas as pd
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.curvature import (
    last_layer_share,
    layer_shares,
    median_scaled_squared_gradient,
)
from normscope.results.runs import Network, collect, medians, networks_of

# Whom the title of each figure names: by their roles.
NAMED = (("batch_norm", "frozen", "none"), ("post", "frozen_post"))
DOT = {"marker": "o", "markersize": 2.5, "color": "black", "zorder": 4}
MOST = 24  # rows of a panel


def main(job):
    measured = networks_of(job.input.gradients)
    table = collect(measured, by_layer)
    totals = medians(measured, median_scaled_squared_gradient)
    last_shares = medians(measured, last_layer_share)
    colours = drawing.colours(job.params.networks)
    for networks, named, svg, png in zip(
        job.params.groups, NAMED, job.output.svg, job.output.png, strict=True
    ):
        shown = {network: colours[network] for network in networks}
        words = {
            name: f"{totals[name]:,.0f} and {drawing.percent(last_shares[name])}"
            for name in networks
        }
        title = (
            "Scaled squared length of the gradient of a mean logit, and the last "
            "layer's share of it:\n"
            f"{drawing.of_roles(words, job.params.roles, named=named)}"
        )
        figure = draw(table, totals, shown, title, job.params.article)
        drawing.save(figure, svg, png)


def by_layer(network: Network) -> pd.DataFrame:
    """A row per layer with its share; of many layers, one per module around some, or
    around some of these.
    """
    shares = pd.Series(layer_shares(network))
    while len(shares) > MOST and shares.index.str.contains(".", regex=False).any():
        deepest = shares.index.str.count(r"\.").max()
        around = [
            name.rpartition(".")[0] if name.count(".") == deepest else name
            for name in shares.index
        ]
        shares = shares.groupby(around, sort=False).sum()
    return pd.DataFrame({"layer": shares.index, "share": shares})


def draw(table, totals, colours, title, article) -> Figure:
    """A panel per network, a bar per layer, medians over seeds; dots are the seeds."""
    by_network = {name: table[table.network == name] for name in colours}
    most = max(mine.layer.nunique() for mine in by_network.values())
    figure, axes = drawing.panels(len(colours), 3, (2.7, 0.19 * most + 0.9))
    for axis, (network, colour) in zip(axes, colours.items(), strict=True):
        mine = by_network[network]
        layers = list(mine.layer.unique())
        shares = mine.groupby("layer").share.median()[layers]
        for place, share in enumerate(shares):
            said = _tip(network, layers[place], share)
            axis.barh(place, share, 0.7, color=colour)[0].set_gid(said)
            axis.text(
                1.02, place, drawing.percent(share, ".1f"), va="center",
                fontsize=drawing.SMALL, transform=axis.get_yaxis_transform(),
            )  # fmt: skip
        if mine.seed.nunique() > 1:
            for each in mine.itertuples():
                said = _tip(network, each.layer, each.share, f", seed {each.seed}")
                axis.plot(each.share, layers.index(each.layer), **DOT, gid=said)
        values = article.get(network, {})
        for layer in filter(layers.__contains__, values):
            share, place = values[layer] / sum(values.values()), layers.index(layer)
            said = _tip(network, layer, share, " in the article")
            mark = share, place - 0.45, place + 0.45
            axis.vlines(*mark, gid=said, **drawing.ARTICLE)
        axis.set_label(network)
        axis.set_title(
            f"{drawing.label(network)}\nin all {totals[network]:,.0f}, scaled"
        )
        axis.set_yticks(
            range(len(layers)),
            [drawing.label(name).removesuffix(" conv") for name in layers],
        )
        axis.set(xlim=(0, 1), ylim=(len(layers) - 0.4, -0.6), xticks=[0, 0.5, 1])
        axis.set_xlabel("share of each layer")
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
    drawing.set_title(figure, title)
    drawing.note_article(figure, article.keys() & colours.keys())
    return figure


def _tip(network, layer, share, where="") -> str:
    what = f"{drawing.label(layer)}{where}"
    return drawing.tip(network, what, drawing.percent(share, ".1f"))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 18: the length of each network's parameter vector."""

import pandas as pd
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.runs import collect, medians, networks_of
from normscope.results.training import parameter_norm


def main(job):
    measured = networks_of(job.input.gradients)
    table = collect(
        measured, lambda each: pd.DataFrame({"norm": [parameter_norm(each)]})
    )
    middle = medians(measured, parameter_norm)
    figure = draw(
        table, middle, job.params.networks, job.params.roles, job.params.article
    )
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, middle, networks, roles, article) -> Figure:
    """A dot per seed, a row per network, the median as a bar and in words."""
    colours = drawing.colours(networks)
    figure = Figure((drawing.WIDEST, 0.45 * len(networks) + 1.4))
    axis = figure.subplots()
    axis.set_label("lengths")
    for row, network in enumerate(networks):
        axis.hlines(row, 0, middle[network], color=colours[network], linewidth=2)
        for each in table[table.network == network].itertuples():
            said = drawing.tip(network, f"seed {each.seed}", f"{each.norm:.3g}")
            axis.scatter(each.norm, row, s=40, color=colours[network], gid=said)
        if network in article:
            said = drawing.tip(network, "in the article", f"{article[network]:.3g}")
            place = article[network], row + 0.16, row + 0.38
            axis.vlines(*place, gid=said, **drawing.ARTICLE)
    drawing.draw_network_rows(
        axis, [f"{drawing.label(name)}: {middle[name]:.1f}" for name in networks]
    )
    axis.set_xlim(left=0)
    axis.set_xlabel("length (norm) of the parameter vector")
    squares = f"{(max(middle.values()) / min(middle.values())) ** 2:.2g}"
    advice = (
        "Curvatures compare as they are"
        if squares == "1"
        else "Multiply curvatures by its square before comparing them; the squares "
        f"of all networks differ by a factor of up to {squares}"
    )
    lengths = drawing.of_roles(middle, roles, ".3g")
    drawing.set_title(figure, f"Length of the weights: {lengths}. {advice}")
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

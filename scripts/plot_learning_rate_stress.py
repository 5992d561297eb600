"""Figure 4: train accuracy of each network while its learning rate keeps growing."""

import numpy as np
from matplotlib.figure import Figure

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.runs import collect, medians, networks_of
from normscope.results.training import stable_rate, stress


def main(job):
    tested = networks_of(job.input.stress)
    stable = medians(tested, stable_rate)
    figure = draw(
        collect(tested, stress), stable, job.params.networks, job.params.article
    )
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, stable, networks, article) -> Figure:
    """The schedule, and accuracy by learning rate; a cross where a network diverged."""
    colours = drawing.colours(networks)
    figure = Figure((9, 3.6))
    schedule, accuracy = figure.subplots(1, 2, width_ratios=(1, 1.8))
    schedule.plot(table.groupby("epoch").learning_rate.first(), color="0.2")
    schedule.set(xlabel="epoch", ylabel="learning rate", yscale="log")
    drawing.number_log_ticks(schedule.yaxis)
    for network in networks:
        mine = table[table.network == network]
        if mine.empty:
            continue
        finite = mine[~mine.diverged]
        by_rate = finite.groupby("learning_rate").train_accuracy
        medians = by_rate.median()[by_rate.count() == mine.seed.nunique()]
        low, high = (by_rate.agg(end)[medians.index] for end in ("min", "max"))
        drawing.draw_band(
            accuracy, medians, low, high, colours[network], label=drawing.label(network)
        )
        broken = mine[mine.diverged].learning_rate
        accuracy.scatter(
            broken, np.zeros(len(broken)), marker="x", s=40, clip_on=False,
            color=colours[network], zorder=5,
        )  # fmt: skip
    for points in article.values():
        accuracy.plot(*zip(*points, strict=True), color="0.35", linewidth=0.9)
    accuracy.set(xlabel="learning rate", ylabel="train accuracy", xscale="log")
    accuracy.set_ylim(0, 1)
    drawing.number_log_ticks(accuracy.xaxis)
    figure.legend(loc="outside right upper", title="x: diverged", alignment="left")
    highest = table.learning_rate.max()
    drawing.set_title(
        figure,
        "Highest learning rate at which the train accuracy is over 90 % of its best:\n"
        f"{drawing.contrast(stable, '.2g')}; the test ends at {highest:.2g}",
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

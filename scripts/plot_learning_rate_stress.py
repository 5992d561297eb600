"""Figure 4: train accuracy of each network while its learning rate keeps growing."""

import numpy as np
from matplotlib.figure import Figure

from normscope import drawing, tables
from normscope.job import log_to

KEPT = 0.9  # of its best accuracy: a network counts as stable there


def main(job):
    table = drawing.collect(job.input.stress, tables.read)
    figure = draw(table, job.params.networks, job.params.article)
    drawing.save(figure, job.output.svg, job.output.png)


def highest_stable_rates(table) -> dict[str, float]:
    """The highest learning rate at which a network keeps its accuracy, seeds' median.

    Of the epochs that did not diverge, the last in which the train accuracy was over
    90 % of the network's best; 0 if the first diverged.
    """
    finite = table[~table.diverged]
    best = finite.groupby(["network", "seed"]).train_accuracy.transform("max")
    stable = finite[finite.train_accuracy > KEPT * best]
    rates = stable.groupby(["network", "seed"]).learning_rate.max()
    tried = table.groupby(["network", "seed"]).size()
    rates = rates.reindex(tried.index, fill_value=0)
    return rates.groupby("network").median().to_dict()


def draw(table, networks, article) -> Figure:
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
        accuracy.plot(
            medians,
            color=colours[network],
            marker="o",
            markersize=2.5,
            label=drawing.label(network),
        )
        accuracy.fill_between(
            medians.index,
            by_rate.min()[medians.index],
            by_rate.max()[medians.index],
            color=colours[network],
            alpha=0.12,
            linewidth=0,
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
    stable = drawing.contrast(highest_stable_rates(table), ".2g")
    highest = table.learning_rate.max()
    drawing.set_title(
        figure,
        "Highest learning rate at which the train accuracy is over 90 % of its best:\n"
        f"{stable}; the test ends at {highest:.2g}",
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

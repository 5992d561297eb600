"""Figure 52: train accuracy from scratch at learning rates that are held."""

from contextlib import suppress

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.runs import Missing, collect, medians, networks_of
from normscope.results.training import held, highest_rate


def main(job):
    tested = networks_of(job.input.held)
    highest = {}
    for network in tested:
        mine = [other for other in tested if other.name == network.name]
        with suppress(Missing):  # a network that at some seed trains at no rate
            highest |= medians(mine, highest_rate)
    table = collect(tested, held)
    figure = draw(table, highest, tested[0].classes, job.params.networks)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, highest, classes, networks) -> Figure:
    """Medians over seeds as lines, the seeds' range as a band; crosses on the axis
    where a network diverged at some seed, a dashed line at chance.
    """
    colours = drawing.colours(networks)
    figure = Figure((9, 3.6))
    axis = figure.subplots()
    axis.axhline(1 / classes, color="0.5", linestyle="--", linewidth=0.9, zorder=1)
    for network in networks:
        mine = table[table.network == network]
        if not mine.empty:
            _draw_network(axis, mine, drawing.label(network), colours[network])
    axis.set(xlabel="learning rate, held", ylabel="train accuracy", xscale="log")
    axis.set_ylim(0, 1)
    rates = sorted(table.learning_rate.unique())
    axis.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axis.xaxis.set_minor_locator(NullLocator())
    figure.legend(loc="outside right upper", title="x: diverged", alignment="left")
    drawing.set_title(
        figure,
        f"Highest learning rate, of those up to {rates[-1]:g}, that trains a network:\n"
        + (drawing.contrast(highest, ".3g") if highest else "none"),
    )
    return figure


def _draw_network(axis, table, label, colour) -> None:
    finite = table[~table.diverged]
    by_rate = finite.groupby("learning_rate").train_accuracy
    middle = by_rate.median()[by_rate.count() == table.seed.nunique()]
    low, high = (by_rate.agg(end)[middle.index] for end in ("min", "max"))
    drawing.draw_band(axis, middle, low, high, colour, label=label)
    points = [(rate, value, f"{value:.2g}") for rate, value in middle.items()]
    broken = table[table.diverged].learning_rate.unique()
    points += [(rate, 0, "diverged") for rate in broken]
    for rate, value, said in points:
        axis.scatter(
            rate, value, marker="x" if said == "diverged" else "o", s=36, color=colour,
            clip_on=False, zorder=5, gid=f"{drawing.TIP}{label}, {rate:g}: {said}",
        )  # fmt: skip


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

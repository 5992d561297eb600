"""Figure 52: training accuracy from scratch at learning rates that are held."""

from contextlib import suppress

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from normscope.figures import drawing, rates
from normscope.job import log_to
from normscope.results.runs import Missing, collect, medians, networks_of
from normscope.results.training import held, highest_rate

UPRIGHT = 5  # numbers, at most, that have room side by side under the axis


def main(job):
    tested = networks_of(job.input.held)
    highest = {}
    for network in tested:
        mine = [other for other in tested if other.name == network.name]
        with suppress(Missing):  # a network that at some seed trains at no rate
            highest |= medians(mine, highest_rate)
    table = collect(tested, held)
    words = drawing.of_roles(highest, job.params.roles, ".3g") or "none"
    title = (
        "Highest held learning rate at which a network trains: "
        f"{words} (tested up to {table.learning_rate.max():g})"
    )
    figure = draw(table, job.params.networks, title, tested[0].classes)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks, title, classes) -> Figure:
    """The accuracies, every rate with its number."""
    figure = rates.draw_accuracies(table, networks, title, classes)
    (axis,) = figure.axes
    tested = sorted(table.learning_rate.unique())
    axis.set_xticks(tested, [f"{rate:g}" for rate in tested])
    axis.tick_params(axis="x", labelrotation=0 if len(tested) <= UPRIGHT else 45)
    axis.xaxis.set_minor_locator(NullLocator())
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

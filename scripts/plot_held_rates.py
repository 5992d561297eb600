"""Figure 52: training accuracy from scratch at learning rates that are held."""

from contextlib import suppress

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from normscope.figures import drawing, rates
from normscope.job import log_to
from normscope.results.runs import Missing, collect, medians, networks_of
from normscope.results.training import held, highest_rate, least_accuracy

UPRIGHT = 5  # numbers, at most, that have room side by side under the axis


def main(job):
    tested = networks_of(job.input.held)
    highest, least = {}, {}
    for network in tested:
        mine = [other for other in tested if other.name == network.name]
        with suppress(Missing):  # a network that at some seed trains at no rate
            highest |= medians(mine, highest_rate)
            least |= medians(mine, least_accuracy)
    table = collect(tested, held)
    end = table.learning_rate.max()
    words = {
        name: f"{'at least ' if rate == end else ''}{rate:.3g}"
        for name, rate in highest.items()
    }
    title = (
        "Highest held learning rate at which a network trains: "
        f"{drawing.of_roles(words, job.params.roles) or 'none'}"
    )
    figure = draw(table, highest, least, job.params.networks, title, tested[0].classes)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, highest, least, networks, title, classes) -> Figure:
    """The accuracies, every rate with its number; a dotted line of each network that
    trains, at the `least` accuracy that counts, ends at its `highest` rate.
    """
    figure = rates.draw_accuracies(table, networks, title, classes)
    (axis,) = figure.axes
    start, colours = axis.get_xlim()[0], drawing.colours(networks)
    for name, rate in highest.items():
        said = f"trains up to {rate:.3g}, from this accuracy on"
        axis.plot(
            [start, rate], [least[name]] * 2, ":", color=colours[name], linewidth=1,
            marker="|", markersize=9, markeredgewidth=1.5, markevery=[1],
            gid=drawing.tip(name, said, f"{least[name]:.2g}"),
        )  # fmt: skip
    axis.set_xlim(left=start)
    tested = sorted(table.learning_rate.unique())
    axis.set_xticks(tested, [f"{rate:g}" for rate in tested])
    axis.tick_params(axis="x", labelrotation=0 if len(tested) <= UPRIGHT else 45)
    axis.xaxis.set_minor_locator(NullLocator())
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

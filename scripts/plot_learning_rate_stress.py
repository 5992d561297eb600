"""Figure 4: training accuracy of each network while its learning rate keeps growing."""

from matplotlib.figure import Figure

from normscope.figures import drawing, rates
from normscope.job import log_to
from normscope.results.runs import collect, medians, networks_of
from normscope.results.training import NEAR_BEST, stable_rate, stress


def main(job):
    tested = networks_of(job.input.stress)
    stable = medians(tested, stable_rate)
    table = collect(tested, stress)
    title = (
        f"Highest learning rate with over {drawing.percent(NEAR_BEST)} of a network's "
        f"best training accuracy:\n{drawing.of_roles(stable, job.params.roles, '.2g')} "
        f"(the test ends at {table.learning_rate.max():.2g})"
    )
    figure = draw(
        table, job.params.networks, title, tested[0].classes, job.params.article
    )
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks, title, classes, article) -> Figure:
    """The accuracies, with the article's as grey lines."""
    figure = rates.draw_accuracies(table, networks, title, classes)
    (axis,) = figure.axes
    for points in article.values():
        axis.plot(*zip(*points, strict=True), color="0.35", linewidth=0.9)
    drawing.number_log_ticks(axis.xaxis)
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

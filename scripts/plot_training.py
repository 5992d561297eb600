"""Figure 39: loss and accuracy of each network by epoch, on train and test images."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.runs import collect, medians, networks_of
from normscope.results.training import epochs, train_accuracy

SPLITS = {"train": "-", "test": ":"}


def main(job):
    trained = networks_of(job.input.training)
    last = medians(trained, train_accuracy)
    figure = draw(
        collect(trained, epochs), last, job.params.networks, job.params.article
    )
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, last, networks, article) -> Figure:
    """Medians over seeds as lines, the seeds' range as a band."""
    colours = drawing.colours(networks)
    figure = Figure((9, 3.6))
    axes = figure.subplots(1, 2)
    shown = [network for network in networks if network in set(table.network)]
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for network in shown:
            by_epoch = table[table.network == network].groupby("epoch")
            for split, style in SPLITS.items():
                values = by_epoch[f"{split}_{quantity}"]
                drawing.draw_band(
                    axis, values.median(), values.min(), values.max(),
                    colours[network], style,
                )  # fmt: skip
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_ylabel(quantity)
    for values in article.values():
        axes[1].plot(range(1, len(values) + 1), values, "_", color="0.35")
    axes[1].set_ylim(0, 1)
    handles = [
        Line2D([], [], color=colours[network], label=drawing.label(network))
        for network in shown
    ] + [
        Line2D([], [], color="0.2", linestyle=style, label=split)
        for split, style in SPLITS.items()
    ]
    figure.legend(handles=handles, loc="outside right upper")
    drawing.set_title(
        figure,
        "Train accuracy after the last epoch:\n" + drawing.contrast(last, ".0%"),
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 39: loss and accuracy of each network by epoch, on train and test images."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from normscope import drawing, tables
from normscope.job import log_to

SPLITS = {"train": "-", "test": ":"}


def main(job):
    table = drawing.collect(job.input.training, tables.read)
    figure = draw(table, job.params.networks, job.params.article)
    drawing.save(figure, job.output.svg, job.output.png)


def draw(table, networks, article) -> Figure:
    """Medians over seeds as lines, the seeds' range as a band."""
    colours = drawing.colours(networks)
    figure = Figure((9, 3.6))
    axes = figure.subplots(1, 2)
    shown = [network for network in networks if network in set(table.network)]
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for network in shown:
            epochs = table[table.network == network].groupby("epoch")
            for split, style in SPLITS.items():
                values = epochs[f"{split}_{quantity}"]
                axis.plot(
                    values.median(),
                    style,
                    color=colours[network],
                    marker="o",
                    markersize=2.5,
                )
                axis.fill_between(
                    values.median().index,
                    values.min(),
                    values.max(),
                    color=colours[network],
                    alpha=0.12,
                    linewidth=0,
                )
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
    last = table.groupby(["network", "seed"]).train_accuracy.last()
    accuracy = last.groupby("network").median().to_dict()
    drawing.set_title(
        figure,
        "Train accuracy after the last epoch:\n" + drawing.contrast(accuracy, ".0%"),
    )
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

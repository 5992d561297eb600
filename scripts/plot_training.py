"""Figure 39: loss and accuracy of each network by epoch, on train and test images."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.runs import collect, medians, networks_of
from normscope.results.training import epochs, train_accuracy

SPLITS = {"train": ("-", "on training images"), "test": (":", "on test images")}


def main(job):
    trained = networks_of(job.input.training)
    last = {
        name: drawing.percent(accuracy)
        for name, accuracy in medians(trained, train_accuracy).items()
    }
    title = (
        "Training accuracy after the last epoch:\n"
        f"{drawing.of_roles(last, job.params.roles)}"
    )
    table = collect(trained, epochs)
    figure = draw(table, job.params.networks, title, job.params.article)
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(table, networks, title, article) -> Figure:
    """Medians over seeds as lines, the seeds' range as a band."""
    colours = drawing.colours(networks)
    shown = [network for network in networks if network in set(table.network)]
    figure = Figure((7, 3.5 + 0.17 * len(shown)))
    axes = figure.subplots(1, 2)
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for network in shown:
            by_epoch = table[table.network == network].groupby("epoch")
            for split, (style, _) in SPLITS.items():
                values = by_epoch[f"{split}_{quantity}"]
                drawing.draw_band(
                    axis, values.median(), values.min(), values.max(),
                    colours[network], style,
                )  # fmt: skip
        axis.set_label(quantity)
        axis.set(xlabel="epoch", ylabel=quantity)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    for values in article.values():
        axes[1].plot(range(1, len(values) + 1), values, "_", color="0.35")
    axes[1].set_ylim(0, 1)
    handles = [
        Line2D([], [], color=colours[network], label=drawing.label(network))
        for network in shown
    ] + [
        Line2D([], [], color="0.2", linestyle=style, label=words)
        for style, words in SPLITS.values()
    ]
    figure.legend(
        handles=handles, loc="outside lower left", fontsize=drawing.SMALL
    )  # fmt: skip
    drawing.set_title(figure, title)
    drawing.note_article(figure, article)
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 39: loss and accuracy of each network by epoch, on train and test images."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from normscope.figures import drawing
from normscope.job import log_to
from normscope.results.runs import collect, medians, networks_of
from normscope.results.training import epochs, train_accuracy

SPLITS = {"train": ("-", "on training images"), "test": (":", "on test images")}
DOT = {"markersize": 3.5, "markeredgewidth": 0}


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
            for split, (style, words) in SPLITS.items():
                values = by_epoch[f"{split}_{quantity}"]
                drawing.draw_band(
                    axis, values.median(), values.min(), values.max(),
                    colours[network], style,
                )  # fmt: skip
                for epoch, value in values.median().items():
                    said = f"epoch {epoch}, {quantity} {words}"
                    said = drawing.tip(network, said, f"{value:.3g}")
                    axis.plot(
                        epoch, value, "o", **DOT, color=colours[network], gid=said
                    )
        axis.set_label(quantity)
        axis.set(xlabel="epoch", ylabel=quantity)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    for network, values in article.items():
        for epoch, value in enumerate(values, start=1):
            said = f"epoch {epoch}, accuracy in the article"
            said = drawing.tip(network, said, f"{value:.3g}")
            axes[1].plot(epoch, value, "_", color="0.35", gid=said)
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

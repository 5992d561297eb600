"""Figure 5: the channels of a layer before and after its norm, untrained."""

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_panels, drawing, untrained
from normscope.figures.channel_plots import around_values
from normscope.job import log_to

USUAL = (-7, 7)  # limits of the article's figure


def main(job):
    for path, experiment, svg, png in zip(
        job.input.statistics,
        job.params.experiments.values(),
        job.output.svg,
        job.output.png,
        strict=True,
    ):
        arrays, attributes = store.read(path)
        layers = list(attributes["layers"])
        norms = [layer for layer in layers if layer.endswith("_norm")]
        after = norms[len(norms) // 2]
        before = layers[layers.index(after) - 1]
        shown = {layer: store.group(arrays, layer) for layer in (before, after)}
        drawing.save(draw(experiment, shown), svg, png)


def draw(experiment, layers) -> Figure:
    """The layer before the norm and the norm itself, with numbers of all channels."""
    means, deviations = (
        [span(values[name]) for values in layers.values()] for name in ("mean", "std")
    )
    panels = {
        f"{drawing.label(layer)}\nmeans {mean}\nst. dev. {deviation}": values
        for (layer, values), mean, deviation in zip(
            layers.items(), means, deviations, strict=True
        )
    }
    figure = channel_panels.draw_panels(
        panels, 2, lambda values: around_values(USUAL, values), extremes=True
    )
    before, after = map(drawing.label, layers)
    drawing.set_title(
        figure,
        f"{untrained.words(experiment)}: the channels' means are {means[0]} before the "
        f"norm ({before}) and {means[1]} after it ({after})",
    )
    return figure


def span(values) -> str:
    """The least and the largest of the values, or the one that both are in print."""
    ends = [
        f"{value:.2f}".replace("-0.00", "0.00") for value in (min(values), max(values))
    ]
    return " to ".join(dict.fromkeys(ends)).replace("-", "\N{MINUS SIGN}")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

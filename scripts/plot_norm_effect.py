"""Figure 5: the channels of a layer before and after its norm, untrained."""

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_plots, drawing
from normscope.job import log_to


def main(job):
    for path, svg, png in zip(
        job.input.statistics, job.output.svg, job.output.png, strict=True
    ):
        arrays, attributes = store.read(path)
        layers = list(attributes["layers"])
        norms = [layer for layer in layers if layer.endswith("_norm")]
        after = norms[len(norms) // 2]
        before = layers[layers.index(after) - 1]
        shown = {layer: store.group(arrays, layer) for layer in (before, after)}
        drawing.save(draw(attributes["experiment"], shown), svg, png)


def draw(experiment, layers) -> Figure:
    """The layer before the norm and the norm itself."""
    before, after = layers
    panels = {drawing.label(layer): values for layer, values in layers.items()}
    figure = channel_plots.draw_panels(panels, 2, (-7, 7), extremes=True)
    spreads = [f"±{abs(values['mean']).max():.2f}" for values in layers.values()]
    drawing.set_title(
        figure,
        f"{drawing.label(experiment)}: the channels' means lie within {spreads[0]} in "
        f"{drawing.label(before)}, within {spreads[1]} in {drawing.label(after)}",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

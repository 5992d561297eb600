"""Figures 8, 9 and 11 to 14: each layer's channels in a network as it was built."""

from matplotlib.figure import Figure

from normscope import channel_plots, drawing, initial
from normscope.job import log_to


def main(job):
    for path, experiment, svg, png in zip(
        job.input.statistics,
        job.params.experiments.items(),
        job.output.svg,
        job.output.png,
        strict=True,
    ):
        drawing.save(
            draw(initial.read_layers(path, experiment[1]), experiment), svg, png
        )


def draw(layers, experiment) -> Figure:
    """A panel per layer, with the deviations within and between its channels."""
    name, settings = experiment
    panels = {initial.title(layer, values): values for layer, values in layers.items()}
    figure = channel_plots.draw_panels(
        panels, initial.columns(settings), initial.limits(settings), extremes=True
    )
    shares = {layer: initial.share_between(values) for layer, values in layers.items()}
    first, *_, last = shares
    channels = len(layers[last]["density"])
    drawing.set_title(
        figure,
        f"{drawing.label(name)}: {shares[first]:.0%} of the variance lies between "
        f"channels in {drawing.label(first)}, {shares[last]:.0%} in "
        f"{drawing.label(last)}, where one of {channels} is the largest for "
        f"{layers[last]['largest_share'].max():.0%} of the inputs",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

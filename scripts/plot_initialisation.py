"""Figures 8, 9 and 11 to 14: each layer's channels in a network as it was built."""

from matplotlib.figure import Figure

from normscope.figures import channel_plots, drawing, untrained
from normscope.job import log_to
from normscope.results.untrained import share_of_variance_between


def main(job):
    untrained.draw_all(job, draw)


def draw(name, experiment, layers) -> Figure:
    """A panel per layer, with the deviations within and between its channels."""
    panels = {
        untrained.title(layer, values): values for layer, values in layers.items()
    }
    figure = channel_plots.draw_panels(
        panels,
        untrained.columns(experiment),
        untrained.limits(experiment),
        extremes=True,
    )
    shares = {
        layer: share_of_variance_between(values) for layer, values in layers.items()
    }
    *_, last = shares
    first = next(iter(shares))
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

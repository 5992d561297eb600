"""Figures 8, 9 and 11 to 14: each layer's channels in a network as it was built."""

from matplotlib.figure import Figure

from normscope.figures import channel_panels, drawing, untrained
from normscope.figures.channel_plots import around_values, draw_zoom
from normscope.job import log_to
from normscope.results.untrained import share_of_variance_between


def main(job):
    untrained.draw_all(job, draw)


def draw(experiment, layers) -> Figure:
    """A panel per layer, with the deviations within and between its channels. All have
    one axis; a frame shows once more what fills little of it.
    """
    limits = untrained.limits(experiment)
    for values in layers.values():
        limits = around_values(limits, values, least=0)
    figure = channel_panels.draw_panels(
        {title(layer, values): values for layer, values in layers.items()},
        untrained.columns(experiment),
        lambda _: limits,
        extremes=True,
    )
    for axis, values in zip(figure.axes, layers.values(), strict=True):
        draw_zoom(axis, values, limits)
    shares = {
        layer: drawing.percent(share_of_variance_between(values))
        for layer, values in layers.items()
    }
    *_, last = shares
    first = next(iter(shares))
    channels = len(layers[last]["density"])
    drawing.set_title(
        figure,
        f"{untrained.words(experiment)}: {shares[first]} of the variance lies between "
        f"channels in {drawing.label(first)}, {shares[last]} in {drawing.label(last)}, "
        f"where one of {channels} channels is the largest for "
        f"{drawing.percent(float(layers[last]['largest_share'].max()))} of the inputs",
    )
    return figure


def title(name, layer) -> str:
    """The layer, and the standard deviations within its channels and between them."""
    deviations = [layer[f"variance_{part}"] ** 0.5 for part in ("within", "between")]
    places = 2 if max(deviations) < 10 else 1
    within, between = (f"{deviation:.{places}f}" for deviation in deviations)
    return f"{drawing.label(name)}\nwithin {within}, between {between}"


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

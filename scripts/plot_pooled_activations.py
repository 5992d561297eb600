"""Figure 7: all values of a layer of a chain as one density."""

from math import sqrt

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_panels, drawing, untrained
from normscope.figures.channel_plots import around_values
from normscope.job import log_to


def main(job):
    untrained.draw_all(job, draw)


def draw(experiment, layers) -> Figure:
    """A panel per layer, with the standard deviation of its values."""
    pooled = {layer: store.group(values, "pooled") for layer, values in layers.items()}
    deviations = {layer: values["std"][0] for layer, values in pooled.items()}
    usual = untrained.limits(experiment)
    figure = channel_panels.draw_panels(
        {
            f"{drawing.label(layer)}\nstandard deviation {deviation:.2f}": pooled[layer]
            for layer, deviation in deviations.items()
        },
        untrained.columns(experiment),
        # Never narrower, so that widths can be compared.
        lambda values: around_values(usual, values, least=0),
        extremes=True,
    )
    wide = 1 if experiment["activation"] == "linear" else sqrt(2)
    *_, last = deviations
    first = next(iter(deviations))
    drawing.set_title(
        figure,
        f"{untrained.words(experiment)}: the standard deviation of all values is "
        f"{deviations[first]:.2f} in {first} and {deviations[last]:.2f} in {last} "
        f"({wide:.2f} in infinitely wide layers)",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

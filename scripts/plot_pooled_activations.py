"""Figure 7: all values of a layer of a chain as one density."""

from math import sqrt

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_plots, drawing, untrained
from normscope.job import log_to


def main(job):
    untrained.draw_all(job, draw)


def draw(name, experiment, layers) -> Figure:
    """A panel per layer, with the standard deviation of its values."""
    pooled = {layer: store.group(values, "pooled") for layer, values in layers.items()}
    deviations = {layer: values["std"][0] for layer, values in pooled.items()}
    figure = channel_plots.draw_panels(
        {
            f"{drawing.label(layer)}\n±{deviations[layer]:.2f}": values
            for layer, values in pooled.items()
        },
        untrained.columns(experiment),
        untrained.limits(experiment),
        extremes=True,
    )
    wide = 1 if experiment["activation"] == "linear" else sqrt(2)
    drawing.set_title(
        figure,
        f"{drawing.label(name)}: the standard deviation over all channels lies between "
        f"{min(deviations.values()):.2f} and {max(deviations.values()):.2f} "
        f"({wide:.2f} in infinitely wide layers)",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figure 7: all values of a layer of a chain as one density."""

from math import sqrt

from matplotlib.figure import Figure

from normscope import channel_plots, drawing, initial, store
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
    """A panel per layer, with the standard deviation of its values."""
    name, settings = experiment
    panels = {}
    for layer, values in layers.items():
        pooled = store.group(values, "pooled")
        panels[f"{drawing.label(layer)}\n±{pooled['std'][0]:.3g}"] = pooled
    figure = channel_plots.draw_panels(
        panels, initial.columns(settings), initial.limits(settings), extremes=True
    )
    deviations = [
        sqrt(values["variance_between"] + values["variance_within"])
        for values in layers.values()
    ]
    drawing.set_title(
        figure,
        f"{drawing.label(name)}: over all channels, the standard deviation is "
        f"between {min(deviations):.2f} and {max(deviations):.2f}",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

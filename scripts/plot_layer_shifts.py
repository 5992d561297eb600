"""Figure 26: every layer after a step along the first output's mean gradient."""

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_plots, drawing, lettering
from normscope.job import log_to
from normscope.results import steps


def main(job):
    trained = steps.by_network(job.input.channels, job.params.networks)
    stepped = steps.by_network(job.input.perturbations, job.params.networks)
    for (network, before), (_, after), svg, png in zip(
        trained, stepped, job.output.svg, job.output.png, strict=True
    ):
        attributes = store.attributes(before[0])
        layers = steps.shown_layers(attributes)
        figure = draw(
            network,
            *steps.layers_before_and_after(before[0], after[0], layers),
            steps.outcomes(after),
            attributes["classes"][0],
        )
        drawing.save(figure, svg, png)


def draw(network, before, after, outcomes, output) -> Figure:
    """A panel per layer, with the root mean square shift of its channels' means."""
    panels, baselines = {}, {}
    shifts = steps.mean_shifts(before, after)
    for layer, shift in shifts.items():
        title = f"{drawing.label(layer)}\nmeans move by {shift:.3f}"
        panels[title], baselines[title] = after[layer], before[layer]
    stepped = outcomes.loc["mean_0"]
    rows = [
        ["as trained", *steps.cells(outcomes.loc["none"]), ""],
        [output, *steps.cells(stepped), f"{stepped.share_0:.0%}"],
    ]
    figure = channel_plots.draw_panels(
        panels,
        4,
        steps.LIMITS,
        baselines=baselines,
        table=(["step towards", "loss", "accuracy", "its share"], rows),
    )
    *inner, at_outputs = shifts.values()
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a step along the mean gradient of "
        f'"{lettering.fitted(output)}" moves '
        f"the channels' means by up to {max(inner):.3f} in inner layers and by "
        f"{at_outputs:.3f} at the outputs (root mean square, in each layer's own unit)",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

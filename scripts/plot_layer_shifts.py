"""Figure 26: every layer after a step along the gradient of the first mean logit."""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_panels, drawing, lettering
from normscope.figures.channel_plots import around_means
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
            steps.relative_length(after[0]),
            attributes["classes"][0],
        )
        drawing.save(figure, svg, png)


def draw(network, before, after, outcomes, length, output) -> Figure:
    """A panel per layer, with the root mean square shift of its channels' means."""
    panels, baselines = {}, {}
    shifts = steps.mean_shifts(before, after)
    for layer, shift in shifts.items():
        title = f"{drawing.label(layer)}\nmeans move by {shift:.3f}"
        panels[title], baselines[title] = after[layer], before[layer]
    stepped = outcomes.loc["mean_0"]
    rows = [
        ["as trained", *channel_panels.cells(outcomes.loc["none"]), ""],
        [output, *channel_panels.cells(stepped), drawing.percent(stepped.share_0)],
    ]
    figure = channel_panels.draw_panels(
        panels,
        4,
        partial(around_means, steps.LIMITS),
        baselines=baselines,
        table=(channel_panels.STEP_TOWARDS, rows),
    )
    *_, last = shifts
    largest = np.abs(after[last]["mean"] - before[last]["mean"]).max()
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a step of {drawing.percent(length, 'g')} of the "
        f"weights' length along the gradient of the mean logit of "
        f'"{lettering.fitted(output)}" moves the mean logits by up to {largest:.2g} '
        f"(root mean square: {shifts[last]:.2g})",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Figures 19 to 21: each network's logits before and after a random step."""

from functools import partial

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_panels, drawing
from normscope.figures.channel_plots import PANELS, around_means
from normscope.job import log_to
from normscope.results import steps

DIRECTIONS = {"none": "as trained", "random": "after a random step"}


def main(job):
    groups = steps.by_network(job.input.perturbations, job.params.networks)
    for (network, paths), svg, png in zip(
        groups, job.output.svg, job.output.png, strict=True
    ):
        figure = draw(
            network,
            steps.outputs_after(paths[0], list(DIRECTIONS)),
            steps.outcomes(paths),
            steps.relative_length(paths[0]),
            list(store.attributes(paths[0])["classes"]),
        )
        drawing.save(figure, svg, png)


def draw(network, outputs, outcomes, length, classes) -> Figure:
    """Both panels, and the loss and accuracy of each."""
    panels = dict(zip(DIRECTIONS.values(), outputs, strict=True))
    rows = [
        [title, f"{row.loss:.4f}", drawing.percent(row.accuracy, ".1f")]
        for title, row in zip(
            DIRECTIONS.values(),
            outcomes.loc[list(DIRECTIONS)].itertuples(),
            strict=True,
        )
    ]
    figure = channel_panels.draw_panels(
        panels,
        2,
        partial(around_means, steps.LIMITS),
        table=(["", "loss", "accuracy"], rows),
        channels=classes[:PANELS],
        quantity="logit",
    )
    change = outcomes.loss["random"] / outcomes.loss["none"] - 1
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a step of {drawing.percent(length, 'g')} of the "
        f"weights' length in a random direction changes the loss by {said(change)}",
    )
    return figure


def said(change) -> str:
    """The relative change, or that it is small."""
    if abs(change) < 0.001:
        return f"less than {drawing.percent(0.001, 'g')}"
    return drawing.percent(change, "+.2g")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

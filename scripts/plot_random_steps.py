"""Figures 19 to 21: each network's outputs before and after a random step."""

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_plots, drawing
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
            list(store.attributes(paths[0])["classes"]),
        )
        drawing.save(figure, svg, png)


def draw(network, outputs, outcomes, classes) -> Figure:
    """Both panels, and the loss and accuracy of each."""
    panels = dict(zip(DIRECTIONS.values(), outputs, strict=True))
    rows = [
        [title, f"{row.loss:.3f}", f"{row.accuracy:.1%}"]
        for title, row in zip(
            DIRECTIONS.values(),
            outcomes.loc[list(DIRECTIONS)].itertuples(),
            strict=True,
        )
    ]
    figure = channel_plots.draw_panels(
        panels,
        2,
        steps.LIMITS,
        table=(["", "loss", "accuracy"], rows),
        channels=classes[: channel_plots.PANELS],
    )
    change = outcomes.loss["random"] / outcomes.loss["none"] - 1
    change = round(change, 3) + 0.0  # no -0.0
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a random step of {steps.length(outcomes):.2g} "
        f"changes the loss by {change:+.1%}",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

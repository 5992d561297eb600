"""Figures 32 to 34: the outputs after a step along each leading eigenvector."""

from matplotlib.figure import Figure

from normscope import channel_plots, drawing, steps, store
from normscope.job import log_to


def main(job):
    groups = steps.by_network(job.input.perturbations, job.params.networks)
    for (network, paths), svg, png in zip(
        groups, job.output.svg, job.output.png, strict=True
    ):
        outcomes = steps.outcomes(paths)
        steepest = steepest_signs(steps.outcomes(paths[:1]))[: channel_plots.PANELS]
        before, *after = steps.outputs_after(paths[0], ["none", *steepest])
        classes = store.attributes(paths[0])["classes"]
        drawing.save(
            draw(network, before, after, outcomes, steepest, classes), svg, png
        )


def steepest_signs(outcomes) -> list[str]:
    """Of both steps along each eigenvector, the one with the higher loss."""
    count = outcomes.index.str.fullmatch(r"eigenvector_\d+").sum()
    pairs = [
        (f"eigenvector_{number}", f"eigenvector_{number}_minus")
        for number in range(1, count + 1)
    ]
    return [max(pair, key=outcomes.loss.get) for pair in pairs]


def draw(network, before, after, outcomes, steepest, classes) -> Figure:
    """A panel per eigenvector, with loss, accuracy and the largest share beside."""
    titles = [f"v{number}" for number in range(1, len(steepest) + 1)]
    stepped = outcomes.loc[steepest]
    rows = [
        [title, *steps.cells(row), f"{row.largest_share:.0%}"]
        for title, (_, row) in zip(
            ["as trained", *titles],
            outcomes.loc[["none", *steepest]].iterrows(),
            strict=True,
        )
    ]
    figure = channel_plots.draw_panels(
        dict(zip(titles, after, strict=True)),
        5,
        steps.LIMITS,
        baselines=dict.fromkeys(titles, before),
        table=(["step along", "loss", "accuracy", "top class"], rows),
    )
    channel_plots.draw_legend(figure, classes, "as trained")
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a step of {steps.length(outcomes):.2g} along a "
        "leading eigenvector, of the sign that hurts more, "
        f"raises the loss from {outcomes.loss['none']:.2f} to between "
        f"{stepped.loss.min():.2f} and {stepped.loss.max():.2f}",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

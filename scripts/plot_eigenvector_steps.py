"""Figures 32 to 34: the outputs after a step along each leading eigenvector."""

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_plots, drawing
from normscope.job import log_to
from normscope.results import steps


def main(job):
    groups = steps.by_network(job.input.perturbations, job.params.networks)
    for (network, paths), svg, png in zip(
        groups, job.output.svg, job.output.png, strict=True
    ):
        outcomes = steps.outcomes(paths)
        vectors = eigenvectors(outcomes)
        before, *after = steps.outputs_after(paths[0], ["none", *vectors])
        classes = list(store.attributes(paths[0])["classes"])
        drawing.save(draw(network, before, after, outcomes, vectors, classes), svg, png)


def eigenvectors(outcomes) -> list[str]:
    """The directions to show, by descending eigenvalue."""
    count = outcomes.index.str.fullmatch(r"eigenvector_\d+").sum()
    shown = range(1, min(count, channel_plots.PANELS) + 1)
    return [f"eigenvector_{number}" for number in shown]


def draw(network, before, after, outcomes, vectors, classes) -> Figure:
    """A panel per eigenvector, with loss, accuracy and the largest share beside."""
    titles = [f"v{number}" for number in range(1, len(vectors) + 1)]
    stepped = outcomes.loc[vectors]
    rows = [
        [title, *steps.cells(row), f"{row.largest_share:.0%}"]
        for title, (_, row) in zip(
            ["as trained", *titles],
            outcomes.loc[["none", *vectors]].iterrows(),
            strict=True,
        )
    ]
    figure = channel_plots.draw_panels(
        dict(zip(titles, after, strict=True)),
        5,
        steps.LIMITS,
        baselines=dict.fromkeys(titles, before),
        table=(["step along", "loss", "accuracy", "top class"], rows),
        channels=classes[: channel_plots.PANELS],
    )
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a step of {steps.length(outcomes):.2g} along a "
        "leading eigenvector, of the sign that hurts more, "
        f"takes the loss from {outcomes.loss['none']:.2f} to between "
        f"{stepped.loss.min():.2f} and {stepped.loss.max():.2f}",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

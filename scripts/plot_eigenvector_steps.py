"""Figures 32 to 34: the logits after a step along each leading eigenvector."""

from functools import partial

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import channel_panels, drawing
from normscope.figures.channel_plots import PANELS, around_means
from normscope.job import log_to
from normscope.results import steps


def main(job):
    groups = steps.by_network(job.input.perturbations, job.params.networks)
    for (network, paths), svg, png in zip(
        groups, job.output.svg, job.output.png, strict=True
    ):
        outcomes, length = steps.outcomes(paths), steps.relative_length(paths[0])
        vectors = eigenvectors(outcomes)
        before, *after = steps.outputs_after(paths[0], ["none", *vectors])
        classes = list(store.attributes(paths[0])["classes"])
        figure = draw(network, before, after, outcomes, length, classes)
        drawing.save(figure, svg, png)


def eigenvectors(outcomes) -> list[str]:
    """The directions to show, by descending eigenvalue."""
    count = outcomes.index.str.fullmatch(r"eigenvector_\d+").sum()
    return [f"eigenvector_{number}" for number in range(1, min(count, PANELS) + 1)]


def draw(network, before, after, outcomes, length, classes) -> Figure:
    """A panel per eigenvector, with loss, accuracy and the largest share below."""
    stepped = outcomes.loc[eigenvectors(outcomes)]
    titles = [f"v{number}" for number in range(1, len(stepped) + 1)]
    rows = [
        [title, *channel_panels.cells(row), drawing.percent(row.largest_share)]
        for title, (_, row) in zip(
            ["as trained", *titles],
            outcomes.loc[["none", *stepped.index]].iterrows(),
            strict=True,
        )
    ]
    figure = channel_panels.draw_panels(
        dict(zip(titles, after, strict=True)),
        5,
        partial(around_means, steps.LIMITS),
        baselines=dict.fromkeys(titles, before),
        table=(
            ["step along", "loss", "accuracy", "share of the most predicted class"],
            rows,
        ),
        channels=classes[:PANELS],
        quantity="logit",
    )
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a step of {drawing.percent(length, 'g')} of the "
        "weights' length along a leading eigenvector, in the direction (sign) that "
        f"raises the loss more, takes the loss from {outcomes.loss['none']:.2f} to "
        f"between {stepped.loss.min():.2f} and {stepped.loss.max():.2f}",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

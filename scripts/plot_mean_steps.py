"""Figures 22 to 24 and 28: the logits after a step along each mean logit's gradient."""

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
        classes = list(store.attributes(paths[0])["classes"])
        directions = [f"mean_{index}" for index in range(len(classes[:PANELS]))]
        before, *after = steps.outputs_after(paths[0], ["none", *directions])
        outcomes, length = steps.outcomes(paths), steps.relative_length(paths[0])
        figure = draw(network, before, after, outcomes, length, classes)
        drawing.save(figure, svg, png)


def draw(network, before, after, outcomes, length, classes) -> Figure:
    """A panel per class, with loss, accuracy and the share of the class below."""
    shown = classes[:PANELS]
    stepped = outcomes.loc[[f"mean_{index}" for index in range(len(classes))]]
    shares = steps.target_shares(outcomes)
    rows = [["as trained", *channel_panels.cells(outcomes.loc["none"]), ""]]
    rows += [
        [name, *channel_panels.cells(row), drawing.percent(share)]
        for name, (_, row), share in zip(
            classes, stepped.iterrows(), shares, strict=True
        )
    ]
    figure = channel_panels.draw_panels(
        dict(zip(shown, after, strict=True)),
        5,
        partial(around_means, steps.LIMITS),
        baselines=dict.fromkeys(shown, before),
        table=(channel_panels.STEP_TOWARDS, rows[: 1 + len(shown)]),
        channels=shown,
        quantity="logit",
    )
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a step of {drawing.percent(length, 'g')} of the "
        "weights' length along the gradient of one mean logit: its class wins a "
        f"majority for {(shares > 0.5).sum()} of {len(shares)} classes "
        f"({drawing.percent(min(shares))} to {drawing.percent(max(shares))} of the "
        "inputs)",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

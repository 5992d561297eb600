"""Figures 22 to 24 and 28: the outputs after a step along each one's mean gradient."""

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
        classes = list(store.attributes(paths[0])["classes"])[: channel_plots.PANELS]
        directions = [f"mean_{index}" for index in range(len(classes))]
        before, *after = steps.outputs_after(paths[0], ["none", *directions])
        outcomes = steps.outcomes(paths)
        drawing.save(draw(network, before, after, outcomes, classes), svg, png)


def draw(network, before, after, outcomes, classes) -> Figure:
    """A panel per class, with loss, accuracy and the share of the class beside."""
    stepped = outcomes.loc[[f"mean_{index}" for index in range(len(classes))]]
    shares = steps.target_shares(outcomes)[: len(classes)]
    rows = [["as trained", *steps.cells(outcomes.loc["none"]), ""]]
    rows += [
        [name, *steps.cells(row), f"{share:.0%}"]
        for name, (_, row), share in zip(
            classes, stepped.iterrows(), shares, strict=True
        )
    ]
    figure = channel_plots.draw_panels(
        dict(zip(classes, after, strict=True)),
        5,
        steps.LIMITS,
        baselines=dict.fromkeys(classes, before),
        table=(["step towards", "loss", "accuracy", "its share"], rows),
        channels=classes,
    )
    drawing.set_title(
        figure,
        f"{drawing.label(network)}: a step of {steps.length(outcomes):.2g} along the "
        f"gradient of an output's mean, which is then predicted for "
        f"{min(shares):.0%} to {max(shares):.0%} of the inputs",
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

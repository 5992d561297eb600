"""Figure 53: what goes together: the rate, the curvature and the effect of a step."""

from matplotlib.figure import Figure

from normscope import store
from normscope.figures import drawing, lettering, rates, spectra
from normscope.figures.channel_plots import around_means, draw_channels
from normscope.figures.stability import draw_limits
from normscope.job import log_to
from normscope.results import steps
from normscope.results.curvature import eigenvalues
from normscope.results.runs import collect, networks_of
from normscope.results.training import stress

NAMED = ("batch_norm", "frozen", "none")
STEP = "mean_0"


def main(job):
    roles = job.params.roles
    shown = [roles[role] for role in NAMED if role in roles] or job.params.networks[:3]
    colours = drawing.colours(job.params.networks)
    colours = {name: colours[name] for name in shown}
    tested = networks_of(job.input.stress)
    pairs = networks_of(job.input.eigenpairs)
    stepped = {
        name: steps.outputs_after(paths[0], ["none", STEP])
        for name, paths in steps.by_network(job.input.perturbations, shown[:2])
    }
    attributes = store.attributes(job.input.perturbations[0])
    figure = draw(
        colours,
        collect(tested, stress),
        collect(pairs, lambda each: spectra.numbered(eigenvalues(each))),
        stepped,
        list(attributes["classes"]),
        {key: getattr(job.params, key) for key in ("rates", "momentum", "step")},
    )
    drawing.save(figure, *job.output.svg, *job.output.png)


def draw(colours, accuracies, spectrum, stepped, classes, settings) -> Figure:
    """Accuracy by learning rate, eigenvalues, and logits before and after a step."""
    figure = Figure((9.4, 3.6))
    grid = figure.add_gridspec(2, 3, width_ratios=(3, 3.4, 2.2))
    accuracy = figure.add_subplot(grid[:, 0])
    tested = {name: colour for name, colour in colours.items()
              if name in set(accuracies.network)}  # fmt: skip
    rates.draw_accuracy(accuracy, accuracies, tested, len(classes))
    drawing.number_log_ticks(accuracy.xaxis)
    accuracy.set_xlabel(f"learning rate ({rates.EXPLAINED})", fontsize=drawing.SMALL)
    accuracy.legend(loc="upper left", fontsize=drawing.SMALL)
    limits = figure.add_subplot(grid[:, 1])
    draw_limits(limits, spectrum, colours, settings["rates"], settings["momentum"], {})
    for row, (network, (before, after)) in enumerate(stepped.items()):
        axis = figure.add_subplot(grid[row, 2])
        shown = around_means(steps.LIMITS, after)
        draw_channels(axis, after, shown, baseline=before, quantity="logit")
        axis.set_label(f"step, {network}")
        axis.set_title(f"{drawing.label(network)}, after the step", loc="left")
    length = drawing.percent(settings["step"], "g")
    drawing.set_title(
        figure,
        "What goes together: learning rates that a network tolerates, its curvature, "
        f"and its logits after a step of {length} along the "
        f'gradient of the mean logit of "{lettering.fitted(classes[0])}"',
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

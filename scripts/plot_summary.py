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
RATIOS = (2.6, 3.4, 1.7, 1.7)
TITLE = 20  # points between a panel and its title: as high as the axis on another's top


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
    ratios = RATIOS[: 2 + len(stepped)]
    accuracy, limits, *others = figure.subplots(1, len(ratios), width_ratios=ratios)
    tested = {name: colour for name, colour in colours.items()
              if name in set(accuracies.network)}  # fmt: skip
    rates.draw_accuracy(accuracy, accuracies, tested, len(classes))
    drawing.number_log_ticks(accuracy.xaxis)
    accuracy.set_xlabel(f"learning rate\n({rates.EXPLAINED})", fontsize=drawing.SMALL)
    accuracy.legend(
        loc="lower left", bbox_to_anchor=(0, 1), fontsize=drawing.SMALL,
        borderaxespad=0.2, labelspacing=0.2,
    )  # fmt: skip
    draw_limits(limits, spectrum, colours, settings["rates"], settings["momentum"], {})
    for axis, (network, (before, after)) in zip(others, stepped.items(), strict=True):
        shown = around_means(steps.LIMITS, after)
        draw_channels(axis, after, shown, baseline=before, quantity="logit")
        axis.set_label(f"step, {network}")
        name = lettering.fitted(drawing.label(network), 1.5)
        axis.set_title(f"{name}\nafter the step", fontsize=drawing.SMALL, pad=TITLE)
        axis.set_xlabel("dots: means,\ncircles: before it", fontsize=drawing.SMALL)
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

"""Figures 1 to 3, 6, 16, 17 and 27: the networks that are trained or looked at."""

import torch
from matplotlib.figure import Figure

from normscope import devices, store
from normscope.figures import diagrams, drawing, module_rows, network_rows
from normscope.images.size import SIZE
from normscope.job import log_to
from normscope.networks import chains, variants

# Of a diagram's settings, what is not of its network.
OF_DIAGRAM = ("activation", "title", "smoothing")


def main(job):
    attributes = store.attributes(job.input.dataset)
    classes, size = len(attributes["classes"]), attributes.get("size", SIZE)
    for settings, svg, png in zip(
        job.params.diagrams, job.output.svg, job.output.png, strict=True
    ):
        figure = (
            draw_chain(settings)
            if "depth" in settings
            else draw_conv(settings, job.params.widths, classes, size)
        )
        drawing.save(figure, svg, png)


def draw_chain(settings) -> Figure:
    """One layer of a fully connected network, and how often it is repeated."""
    layer = chains.build(
        1, settings["width"], settings["activation"], devices.generator(0, "weights")
    )
    first, *_ = network_rows.rows_of(layer, torch.zeros(1, settings["width"]))
    rows = [
        diagrams.Row("input", first.size, [diagrams.Box("input", "data")]),
        diagrams.Row(f"{settings['depth']} times", first.size, first.boxes),
    ]
    title = f"A fully connected network of {settings['depth']} layers"
    return diagrams.draw_diagram(rows, title)


def draw_conv(settings, widths, classes, size) -> Figure:
    """A network, and its loss if the settings say how far that is smoothed."""
    variant = {key: value for key, value in settings.items() if key not in OF_DIAGRAM}
    architecture = variants.architecture(
        variant, widths, settings["activation"], classes, size
    )
    network = variants.build(architecture, devices.generator(0, "weights")).eval()
    drawn = module_rows.rows_of_module if "module" in variant else network_rows.rows_of
    rows = drawn(network, torch.zeros(2, 3, size, size))
    if "smoothing" in settings:
        rows.append(network_rows.loss_row(settings["smoothing"]))
    sizes = {name: weight.numel() for name, weight in network.named_parameters()}
    has_biases = any(name.endswith("bias") for name in sizes)
    title = f"{drawing.label(settings['title'])}: {sum(sizes.values()):,} " + (
        "weights and biases" if has_biases else "weights, no biases"
    )
    return diagrams.draw_diagram(rows, title)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

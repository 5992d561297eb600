"""Figures 1 to 3, 6, 16, 17 and 27: the networks that are trained or looked at."""

import torch
from matplotlib.figure import Figure

from normscope import devices, store
from normscope.figures import diagrams, drawing
from normscope.images.size import SIZE
from normscope.job import log_to
from normscope.networks import chains, conv_net

LONGEST = 10  # layers of a chain that are drawn


def main(job):
    classes = len(store.attributes(job.input.dataset)["classes"])
    for settings, svg, png in zip(
        job.params.diagrams, job.output.svg, job.output.png, strict=True
    ):
        figure = (
            draw_chain(settings)
            if "depth" in settings
            else draw_conv(settings, job.params.widths, classes)
        )
        drawing.save(figure, svg, png)


def draw_chain(settings) -> Figure:
    """The first layers of a fully connected chain."""
    chain = chains.build(
        min(settings["depth"], LONGEST),
        settings["width"],
        settings["activation"],
        devices.generator(0, "weights"),
    )
    inputs = torch.zeros(1, settings["width"])
    boxes, arrows = diagrams.layer_boxes(chain, inputs)
    title = f"A fully connected chain of {settings['depth']} layers"
    if settings["depth"] > LONGEST:
        title += f", the first {LONGEST}"
    return diagrams.draw_diagram(boxes, arrows, title)


def draw_conv(settings, widths, classes) -> Figure:
    """A conv net, and its loss if the settings say how far that is smoothed."""
    architecture = conv_net.Architecture(
        widths=tuple(widths),
        classes=classes,
        activation=settings["activation"],
        norm=settings["norm"],
        norm_position=settings["norm_position"],
    )
    network = conv_net.build(architecture, devices.generator(0, "weights"))
    inputs = torch.zeros(2, 3, SIZE, SIZE)
    boxes, arrows = diagrams.layer_boxes(network, inputs)
    if "smoothing" in settings:
        more_boxes, more_arrows = diagrams.loss_boxes(
            boxes["flatten"], settings["smoothing"]
        )
        boxes, arrows = boxes | more_boxes, arrows + more_arrows
    count = sum(weight.numel() for weight in network.parameters())
    return diagrams.draw_diagram(
        boxes, arrows, f"{settings['title']}: {count:,} weights, no biases"
    )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

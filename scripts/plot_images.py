"""Figure 51: some training images of each class."""

import numpy as np
from matplotlib.figure import Figure

from normscope import store
from normscope.figures import drawing, lettering
from normscope.job import log_to

SHOWN = 8  # images of a class
COLUMNS = 2  # of classes, side by side


def main(job):
    arrays, attributes = store.read(job.input.dataset, "train/images", "train/labels")
    sheets = first_of_each_class(arrays["train/images"], arrays["train/labels"])
    figure = draw(sheets, attributes["classes"])
    drawing.save(figure, *job.output.svg, *job.output.png)


def first_of_each_class(images: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The first images (at most 8, 32, 32, 3) of each class, by label."""
    return [
        images[np.flatnonzero(labels == label)[:SHOWN]].transpose(0, 2, 3, 1)
        for label in range(labels.max() + 1)
    ]


def draw(sheets: list[np.ndarray], classes: list[str]) -> Figure:
    """A row of images for each class, under its name."""
    figure, axes = drawing.panels(len(sheets), COLUMNS, (3.6, 0.75))
    for axis, sheet, name in zip(axes, sheets, classes, strict=True):
        height, width = sheet.shape[1:3]
        opaque = np.full((height, width), 255, np.uint8)
        row = np.zeros((height, SHOWN * (width + 1) - 1, 4), np.uint8)
        for place, image in enumerate(sheet):
            row[:, place * (width + 1) :][:, :width] = np.dstack([image, opaque])
        # As they are: what draws a page scales them.
        axis.imshow(row, interpolation="none")
        axis.set_title(lettering.fitted(name, 3.4), loc="left")
        axis.set_label(name)
        axis.set_axis_off()
    drawing.set_title(
        figure, f"The first training images of each of the {len(sheets)} classes"
    )
    return figure


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)

"""Which layers the figures of untrained networks show, and how."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace

import numpy as np
from matplotlib.figure import Figure

from normscope import store
from normscope.figures import drawing
from normscope.results import steps

Layers = dict[str, dict[str, np.ndarray]]


def draw_all(
    job: SimpleNamespace, draw: Callable[[str, Mapping, Layers], Figure]
) -> None:
    """Draw and save the figure of each experiment of a job."""
    for path, (name, experiment), svg, png in zip(
        job.input.statistics,
        job.params.experiments.items(),
        job.output.svg,
        job.output.png,
        strict=True,
    ):
        layers = read_layers(path, experiment)
        drawing.save(draw(name, experiment, layers), svg, png)


def read_layers(path: str, experiment: Mapping) -> Layers:
    """Statistics of the layers to show, by name.

    Of a chain, those that its settings list; of the conv net, its norms (convs, where
    it has none) and the classifier.
    """
    arrays, attributes = store.read(path)
    if "depth" in experiment:
        numbers = sorted(experiment["layers"])
        shown = [f"fc{number}" for number in numbers if number <= experiment["depth"]]
    else:
        shown = [*steps.inner_layers(attributes["layers"]), "classifier_conv"]
    return {layer: store.group(arrays, layer) for layer in shown}


def limits(experiment: Mapping) -> tuple[float, float]:
    """The limits of the x axis, as in the article."""
    return (-7, 7) if "depth" in experiment else (-9, 9)


def columns(experiment: Mapping) -> int:
    """How many panels a row has, as in the article."""
    return 3 if "depth" in experiment else 4


def title(name: str, layer: Mapping[str, np.ndarray]) -> str:
    """The layer, and the standard deviations between and within its channels."""
    between, within = layer["variance_between"] ** 0.5, layer["variance_within"] ** 0.5
    return f"{drawing.label(name)}\n±{within:.2f} within, ±{between:.2f} between"

"""Which layers the figures of untrained networks show, and how."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace

import numpy as np
from matplotlib.figure import Figure

from normscope import store
from normscope.figures import drawing
from normscope.results import steps

Layers = dict[str, dict[str, np.ndarray]]

CHAINS = {
    "relu": "ReLU chain of {} layers",
    "scaled_relu": "Chain of {} layers with standardised ReLU",
    "linear": "Linear chain of {} layers",
}


def draw_all(job: SimpleNamespace, draw: Callable[[Mapping, Layers], Figure]) -> None:
    """Draw and save the figure of each experiment of a job."""
    for path, experiment, svg, png in zip(
        job.input.statistics,
        job.params.experiments.values(),
        job.output.svg,
        job.output.png,
        strict=True,
    ):
        drawing.save(draw(experiment, read_layers(path, experiment)), svg, png)


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


def words(experiment: Mapping) -> str:
    """The network of an experiment and its inputs, as the start of a title.

    As in "ReLU chain of 50 layers" and "Untrained conv net with batch norm, on images".
    """
    if "depth" in experiment:
        return CHAINS[experiment["activation"]].format(experiment["depth"])
    if experiment["norm"] == "none":
        norm = "no batch norm"
    else:
        norm = "frozen " if experiment["frozen"] else ""
        is_after = experiment["norm_position"] == "after_activation"
        norm += f"{'post-activation ' if is_after else ''}{experiment['norm']} norm"
        norm = norm.replace("_", " ")
    inputs = "noise" if experiment["inputs"] == "gaussian" else "images"
    return f"Untrained conv net with {norm}, on {inputs}"


def limits(experiment: Mapping) -> tuple[float, float]:
    """The limits of the x axis, as in the article."""
    return (-7, 7) if "depth" in experiment else (-9, 9)


def columns(experiment: Mapping) -> int:
    """How many panels a row has, as in the article."""
    return 3 if "depth" in experiment else 4

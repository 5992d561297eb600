"""Leading eigenvalues, and the learning rates that they allow."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from normscope.figures import drawing, spectra
from normscope.results.descent import stability_limit_with_momentum


def draw_limits(
    axis: Axes,
    table: pd.DataFrame,
    colours: Mapping[str, str],
    rates: Mapping[str, float],
    momentum: float,
    article: Mapping[str, Sequence[float]],
) -> None:
    """A row of dots per network of `colours`, one for each eigenvalue in `table`.

    On top is the learning rate that gradient descent with Nesterov's momentum can have
    there. A network's peak rate in training is marked on it, from `rates`.
    """
    axis.set_label("eigenvalues")
    axis.set_xscale("log")
    spectra.draw_strip(axis, table, colours, article)
    drawing.draw_network_rows(axis, [*map(drawing.label, colours)])
    stable = stability_limit_with_momentum(momentum)
    for row, network in enumerate(colours):
        axis.scatter(
            stable / rates[network], row, marker="|", s=180, color="black", zorder=5,
            gid=drawing.tip(network, "peak rate in training", f"{rates[network]:g}"),
        )  # fmt: skip
    top = axis.secondary_xaxis("top", functions=(_other(stable), _other(stable)))
    shown = table.eigenvalue[table.network.isin(colours)].abs()
    for each in (axis.xaxis, top.xaxis):
        spectra.number_magnitudes(each, shown)
    axis.set_xlabel("magnitude of the eigenvalue of the mean loss\n(hollow: negative)")
    top.set_xlabel(
        "largest stable learning rate, 2 (1 + µ) / ((1 + 2µ) λ)\n"
        f"for momentum µ = {momentum:g}; bar: peak rate in training"
    )


def _other(product: float) -> Callable[[np.ndarray], np.ndarray]:
    """Learning rates from curvatures, and back."""
    return lambda values: product / np.maximum(values, np.finfo(float).tiny)

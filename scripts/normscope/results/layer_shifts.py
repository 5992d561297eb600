"""What a step along the mean gradient of the first output does layer by layer."""

from collections.abc import Mapping

import numpy as np

from normscope import store
from normscope.results import steps
from normscope.results.runs import Missing, Network, read

CONSTANT = 1e-6  # deviation, to the mean, of a channel that only rounding varies


def layer_shifts(network: Network) -> dict[str, float]:
    """Root mean square shift of the channels' means by a step along the mean gradient
    of the first output, by shown layer, each in its own unit; the outputs come last.
    """
    return steps.mean_shifts(*_shown(network))


def falls_of_shift(network: Network) -> float:
    """At how many layers after the third shown one, the outputs among them, the shift
    of the channels' means is no larger than at the shown layer before; 0 where it grows
    from the third on.

    A layer's shift is the root mean square over its channels, in standard deviations of
    each channel before the step.
    """
    before, after = _shown(network)
    shifts = [
        np.sqrt(np.mean(_changes(before[name], after[name])["mean"] ** 2))
        for name in before
    ]
    rises = np.diff(shifts[2:])
    if len(rises) == 0:
        raise Missing("fewer than four layers are shown")
    return float((rises <= 0).sum())


def inner_shift_after_activation(network: Network) -> float:
    """Root mean square shift of channels' means after an activation, the largest of all
    inner layers, in standard deviations of each channel before the step.

    Channels that are constant before the step are left out.
    """
    layers = read(network.file("channels.h5"))[1]["layers"]
    names = [name for name in layers if name.endswith("_act")]
    before, after = steps.layers_before_and_after(*_files(network), names)
    shifts = [_changes(before[name], after[name])["mean"] for name in names]
    squares = [np.mean(shift**2) for shift in shifts if len(shift)]
    if not squares:
        raise Missing("no channel after an activation varies")
    return float(np.sqrt(max(squares)))


def change_of_deviations_to_shift(network: Network) -> float:
    """Change of channels' standard deviations, as a ratio to the shift of their means:
    root mean squares, both in standard deviations of each channel before the step.

    In the inner layers that are shown, all channels together, but for those that are
    constant before the step.
    """
    before, after = _shown(network)
    *inner, _ = before
    changes = [_changes(before[name], after[name]) for name in inner]
    widths, shifts = (
        np.concatenate([change[key] for change in changes]) for key in ("std", "mean")
    )
    if not shifts.any():
        raise Missing("the step shifts no mean of an inner channel that varies")
    return float(np.sqrt(np.mean(widths**2) / np.mean(shifts**2)))


def _files(network: Network) -> tuple[str, str]:
    return network.file("channels.h5"), network.file("perturbations.h5")


def _shown(network: Network) -> tuple[dict[str, dict], dict[str, dict]]:
    channels = network.file("channels.h5")
    layers = steps.shown_layers(store.attributes(channels))
    return steps.layers_before_and_after(*_files(network), layers)


def _changes(before: Mapping, after: Mapping) -> dict[str, np.ndarray]:
    """Of mean and std of each channel that varies, in deviations before the step."""
    varies = before["std"] > CONSTANT * np.abs(before["mean"])
    return {
        key: ((after[key] - before[key])[varies] / before["std"][varies]).astype(float)
        for key in ("mean", "std")
    }

"""The quantities that claims are judged by, by name: functions of a seed of a run."""

from collections.abc import Callable
from inspect import getmembers, isfunction

from normscope import (
    quantities_curvature,
    quantities_outputs,
    quantities_overlaps,
    quantities_training,
    quantities_untrained,
)

QUANTITIES: dict[str, Callable[..., float]] = {
    name: function
    for module in (
        quantities_untrained,
        quantities_training,
        quantities_outputs,
        quantities_curvature,
        quantities_overlaps,
    )
    for name, function in getmembers(module, isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
}

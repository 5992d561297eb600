"""Names of layers and of their parameters.

Without torch, which takes longer to import than a figure to draw.
"""

from collections.abc import Collection


def layer_of(parameter: str, layers: Collection[str]) -> str:
    """The layer that a parameter is of: the parameter itself, where it is of none."""
    parts = parameter.split(".")
    places = (".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1))
    return next((place for place in places if place in layers), parameter)

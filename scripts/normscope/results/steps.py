"""Losses, accuracies and outputs after steps in parameter space."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from normscope import store
from normscope.job import UserError
from normscope.results.runs import networks_of, read, read_groups

LIMITS = (-3, 8)  # of the outputs in the article's pictures


def by_network(
    paths: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[str, list[str]]]:
    """Each network's name with its own of the paths, one per seed."""
    for name in names:
        yield name, [path for path in paths if networks_of([path])[0].name == name]


def outcomes(paths: Sequence[str]) -> pd.DataFrame:
    """Loss, accuracy and share of each class, a row per direction: seeds' medians.

    Columns `loss`, `accuracy`, `length`, `share_<c>`, `largest_share`. The signs of
    eigenvectors are arbitrary: here the one with the higher loss has no `_minus`.
    """
    return pd.concat(map(_read, paths)).groupby(level=0).median()


def outputs_after(path: str, directions: Sequence[str]) -> list[dict]:
    """Channel statistics of the outputs after a step along each of those directions."""
    names = _oriented(read_groups(path))
    arrays, attributes = read(path)
    groups = [f"{names[direction]}/{attributes['outputs']}" for direction in directions]
    return [store.group(arrays, group) for group in groups]


def shown_layers(attributes: Mapping) -> list[str]:
    """The layers that figures show, by the attributes of channels.h5: the inner ones,
    then the outputs.
    """
    return [*attributes["shown"], attributes["outputs"]]


def layers_before_and_after(
    channels: str, perturbations: str, layers: Sequence[str]
) -> tuple[dict[str, dict], dict[str, dict]]:
    """Channel statistics by layer, as trained and after a step along the mean gradient
    of the first output.

    Raises UserError where the two files are of different networks.
    """

    def by_layer(path: str, group: str) -> dict[str, dict]:
        arrays, _ = read(path)
        return {layer: store.group(arrays, f"{group}{layer}") for layer in layers}

    before, after = by_layer(channels, ""), by_layer(perturbations, "mean_0/")
    if any(len(before[layer]["mean"]) != len(after[layer]["mean"]) for layer in layers):
        raise UserError(
            f"of different networks: {channels} and {perturbations}; delete the older "
            "and run again"
        )
    return before, after


def _read(path: str) -> pd.DataFrame:
    values = read_groups(path)
    groups = _oriented(values)
    arrays, _ = read(path)
    shares = {
        direction: arrays[f"{group}/predicted_share"]
        for direction, group in groups.items()
    }
    shares = pd.DataFrame.from_dict(shares, orient="index").add_prefix("share_")
    shares["largest_share"] = shares.max(axis=1)
    oriented = {direction: values[group] for direction, group in groups.items()}
    return pd.DataFrame.from_dict(oriented, orient="index").join(shares)


def _oriented(values: Mapping[str, Mapping]) -> dict[str, str]:
    """The group of a file for each direction as `outcomes` names it."""
    groups = {name: name for name in values}
    for name in values:
        opposite = f"{name}_minus"
        if name.startswith("eigenvector") and opposite in values:
            pair = sorted((name, opposite), key=lambda group: values[group]["loss"])
            groups[opposite], groups[name] = pair
    return groups


def mean_shifts(
    before: Mapping[str, Mapping], after: Mapping[str, Mapping]
) -> dict[str, float]:
    """By how much the means of a layer's channels move, root mean square, by layer, in
    the layer's own unit: logits, of the outputs.
    """
    return {
        layer: float(np.sqrt(np.mean((after[layer]["mean"] - values["mean"]) ** 2)))
        for layer, values in before.items()
    }


def target_shares(outcomes: pd.DataFrame) -> np.ndarray:
    """The share of the inputs that a step along each output's mean gradient gives that
    output's class: (K,), of a table by `outcomes`.
    """
    classes = outcomes.columns.str.fullmatch(r"share_\d+").sum()
    return np.array([outcomes[f"share_{c}"][f"mean_{c}"] for c in range(classes)])


def length(outcomes: pd.DataFrame) -> float:
    """The length of the steps: all have the same."""
    return outcomes.length.abs().max()


def relative_length(path: str) -> float:
    """The length of a file's steps, as a share of the norm of the parameters."""
    longest = max(abs(step["length"]) for step in read_groups(path).values())
    return float(longest / read(path)[1]["parameter_norm"])


def inner_layers(layers: Sequence[str]) -> list[str]:
    """The inner layers of a conv net: the norms, or if there are none the convs."""
    convs = [name for name in layers if name.endswith("_conv")][:-1]
    return [name for name in layers if name.endswith("_norm")] or convs

"""What steps in parameter space did, as tables and panels for the figures."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from normscope import drawing, store
from normscope.job import Refused

LIMITS = (-3, 8)  # of the outputs in the article's pictures


def by_network(
    paths: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[str, list[str]]]:
    """Each network with those of the paths that are its own, one per seed."""
    for name in names:
        yield name, [path for path in paths if drawing.origin(path)[1] == name]


def outcomes(paths: Sequence[str]) -> pd.DataFrame:
    """Loss, accuracy and share of each class, a row per direction: seeds' medians.

    Columns `loss`, `accuracy`, `length`, `share_<c>`, `largest_share`. The signs of
    eigenvectors are arbitrary: here the one with the higher loss has no `_minus`.
    """
    return pd.concat(map(_read, paths)).groupby(level=0).median()


def outputs_after(path: str, directions: Sequence[str]) -> list[dict]:
    """Channel statistics of the outputs after a step along each of those directions."""
    names = _oriented(store.group_attributes(path))
    groups = [f"{names[direction]}/{store.OUTPUTS}" for direction in directions]
    fields = store.CHANNEL_FIELDS
    arrays, _ = store.read(path, *(f"{g}/{field}" for g in groups for field in fields))
    return [store.group(arrays, group) for group in groups]


def layers_before_and_after(
    channels: str, perturbations: str
) -> tuple[dict[str, dict], dict[str, dict]]:
    """Channel statistics by layer, as trained and after a step along the mean gradient
    of the first output.

    Raises Refused where the two files are of different networks.
    """
    layers = [*inner_layers(store.attributes(channels)["layers"]), store.OUTPUTS]

    def by_layer(path: str, group: str) -> dict[str, dict]:
        places = [f"{group}{layer}" for layer in layers]
        names = [f"{place}/{name}" for place in places for name in store.CHANNEL_FIELDS]
        arrays, _ = store.read(path, *names)
        values = (store.group(arrays, place) for place in places)
        return dict(zip(layers, values, strict=True))

    before, after = by_layer(channels, ""), by_layer(perturbations, "mean_0/")
    if any(len(before[layer]["mean"]) != len(after[layer]["mean"]) for layer in layers):
        raise Refused(
            f"of different networks: {channels} and {perturbations}; delete the older "
            "and run again"
        )
    return before, after


def _read(path: str) -> pd.DataFrame:
    values = store.group_attributes(path)
    groups = _oriented(values)
    names = {
        direction: f"{group}/predicted_share" for direction, group in groups.items()
    }
    arrays, _ = store.read(path, *names.values())
    shares = {direction: arrays[name] for direction, name in names.items()}
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


def length(outcomes: pd.DataFrame) -> float:
    """Of the steps."""
    return outcomes.length.abs().max()


def cells(row: pd.Series) -> list[str]:
    """Loss and accuracy of a row of `outcomes`, for a table."""
    return [f"{row.loss:.2f}", f"{row.accuracy:.0%}"]


def inner_layers(layers: Sequence[str]) -> list[str]:
    """Those of a network's layers to look at: norms, where there are any, or convs."""
    convs = [name for name in layers if name.endswith("_conv")][:-1]
    return [name for name in layers if name.endswith("_norm")] or convs

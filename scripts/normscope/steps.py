"""What steps in parameter space did, as tables and panels for the figures."""

from collections.abc import Iterator, Sequence

import pandas as pd

from normscope import drawing, store

LIMITS = (-3, 8)  # of the outputs in the article's pictures


def by_network(
    paths: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[str, list[str]]]:
    """Each network with those of the paths that are its own, one per seed."""
    for name in names:
        yield name, [path for path in paths if drawing.origin(path)[1] == name]


def outcomes(paths: Sequence[str]) -> pd.DataFrame:
    """Loss, accuracy and share of each class, a row per direction: seeds' medians.

    Columns `loss`, `accuracy`, `length`, `share_<c>`, `largest_share`.
    """
    return pd.concat(map(_read, paths)).groupby(level=0).median()


def _read(path: str) -> pd.DataFrame:
    groups = store.group_attributes(path)
    names = {direction: f"{direction}/predicted_share" for direction in groups}
    arrays, _ = store.read(path, *names.values())
    shares = {direction: arrays[name] for direction, name in names.items()}
    shares = pd.DataFrame.from_dict(shares, orient="index").add_prefix("share_")
    shares["largest_share"] = shares.max(axis=1)
    return pd.DataFrame.from_dict(groups, orient="index").join(shares)


def outputs_after(path: str, directions: Sequence[str]) -> list[dict]:
    """Channel statistics of the outputs after a step along each direction."""
    fields = store.CHANNEL_FIELDS
    groups = [f"{direction}/{store.OUTPUTS}" for direction in directions]
    arrays, _ = store.read(path, *(f"{g}/{field}" for g in groups for field in fields))
    return [store.group(arrays, group) for group in groups]


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

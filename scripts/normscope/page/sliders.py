"""Data for the parts of a page that readers move."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from normscope import store
from normscope.figures.drawing import label
from normscope.figures.spectra import COLOURS, WORDS
from normscope.outputs.names import MOMENTS
from normscope.results import paths
from normscope.results.runs import Network, networks_of

LEVELS = 255  # of a density, in units of its channel's peak


def walk(files: Sequence[str]) -> dict:
    """What the template walk.html shows of files walks.h5, one of each network.

    `data` is JSON for sliders.js: densities are bytes in base64, in units of each
    channel's peak at each length.
    """
    networks = []
    for file, network in zip(files, networks_of(files), strict=True):
        arrays, attributes = store.read(file)
        names = list(store.group_attributes(file))
        groups = {name: store.group(arrays, name) for name in names}
        networks.append(_network(network, arrays["grid"], groups))
    lengths = arrays["lengths"].tolist()
    classes = list(attributes["classes"])
    vectors = sum(name.startswith("eigenvector") for name in names)
    shown = {
        "classes": classes,
        "lengths": lengths,
        "still": int(np.abs(arrays["lengths"]).argmin()),
        "networks": networks,
    }
    return {
        "data": _json(shown),
        "networks": networks,
        "classes": classes[: len(names) - vectors],
        "vectors": vectors,
        "lengths": lengths,
        "start": _first(arrays["lengths"]),
        "images": attributes["images"],
    }


def epochs(files: Sequence[str]) -> dict:
    """What the template epochs.html shows of files path_logits.h5, one of each network
    at one seed, and of the tables beside them.

    `data` is JSON as that of `walk`. Products of learning rate and curvature that a
    logarithmic axis cannot show are null.
    """
    networks = []
    for file, network in zip(files, networks_of(files), strict=True):
        arrays, attributes = store.read(file)
        table, overlaps = paths.path(network), paths.path_overlaps(network)
        by_epoch = [rows for _, rows in overlaps.groupby("epoch")]
        networks.append(
            _network(network, arrays["grid"], {"epochs": arrays})
            | {
                "name": network.name,
                "product": _products(table, paths.largest(table)),
                "sharpness": _products(table, table.batch_sharpness),
                "overlaps": [[*map(_shares, rows.itertuples())] for rows in by_epoch],
            }
        )
    known = {
        "classes": list(attributes["classes"]),
        "epochs": arrays["epochs"].astype(int).tolist(),
        "limit": round(float(table.limit.iloc[0]), 3),
    }
    moments = {WORDS[moment]: COLOURS[moment] for moment in MOMENTS}
    more = {"networks": networks, "moments": [*moments], "colours": [*moments.values()]}
    return known | {
        "data": _json(known | more),
        "networks": networks,
        "moments": moments,
        "vectors": len(by_epoch[0]),
        "start": int(np.abs(arrays["epochs"] - paths.ARTICLE).argmin()),
        "images": attributes["images"],
        "seed": network.seed,
    }


def _products(table: pd.DataFrame, curvature: pd.Series) -> list[float | None]:
    """Learning rate times curvature, to three digits, where it is above 0."""
    values = table.learning_rate * curvature
    return [float(f"{value:.3g}") if value > 0 else None for value in values]


def _shares(row: tuple) -> dict:
    """What each moment adds to those before, and what as many placebos span."""
    shares = [round(getattr(row, moment), 4) for moment in MOMENTS]
    return {"shares": shares, "placebo": round(row.placebo_all, 4)}


def _network(network: Network, grid: np.ndarray, groups: Mapping) -> dict:
    """A network's logits at each place of a slider, by the name of each group."""
    return {
        "label": label(network.name),
        "range": _rounded(grid[[0, -1]]),
        "points": len(grid),
        "directions": {name: _direction(group) for name, group in groups.items()},
    }


def _json(shown: Mapping) -> Markup:
    # A name may hold what ends the element that the data stands in.
    data = json.dumps(shown, separators=(",", ":"))
    return Markup(data.replace("<", "\\u003c"))


def _first(lengths: np.ndarray) -> int:
    """The place of the length to begin with: of those above 0, the nearest to 1 %."""
    return int(np.where(lengths > 0, np.abs(lengths - 0.01), np.inf).argmin())


def _direction(walked: dict[str, np.ndarray]) -> dict:
    density = walked["density"]
    peaks = density.max(axis=2)
    levels = LEVELS * density / np.maximum(peaks, 1e-30)[:, :, None]
    return {
        "density": b64encode(levels.round().astype(np.uint8).tobytes()).decode(),
        "peaks": _rounded(peaks),
        "mean": _rounded(walked["mean"][:, : density.shape[1]]),
        "loss": _rounded(walked["loss"]),
        "accuracy": _rounded(walked["accuracy"]),
        "share": _rounded(walked["predicted_share"]),
    }


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(float), 4).tolist()


def parabola() -> str:
    """The SVG path of the parabola that page.js draws on."""
    points = (
        f"{150 + 12 * x:.1f},{190 - 3 * x * x:.1f}" for x in np.linspace(-8, 8, 81)
    )
    return "M" + " L".join(points)

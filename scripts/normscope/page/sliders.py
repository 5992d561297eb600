"""Data for the parts of a page that readers move."""

import json
from base64 import b64encode
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from normscope import store
from normscope.figures.drawing import label
from normscope.results.runs import networks_of

LEVELS = 255  # of a density, in units of its channel's peak


def walk(paths: Sequence[str]) -> dict:
    """What the template walk.html shows of files walks.h5, one of each network.

    `data` is JSON for page.js: densities are bytes in base64, in units of each
    channel's peak at each length.
    """
    networks = []
    for path, network in zip(paths, networks_of(paths), strict=True):
        arrays, attributes = store.read(path)
        names = list(store.group_attributes(path))
        networks.append(
            {
                "label": label(network.name),
                "range": _rounded(arrays["grid"][[0, -1]]),
                "points": len(arrays["grid"]),
                "directions": {
                    name: _direction(store.group(arrays, name)) for name in names
                },
            }
        )
    lengths = arrays["lengths"].tolist()
    lows, highs = zip(*(network["range"] for network in networks), strict=True)
    classes = list(attributes["classes"])
    shown = {
        "classes": classes,
        "lengths": lengths,
        "still": int(np.abs(arrays["lengths"]).argmin()),
        "range": [min(lows), max(highs)],
        "networks": networks,
    }
    # A name may hold what ends the element that the data stands in.
    data = json.dumps(shown, separators=(",", ":")).replace("<", "\\u003c")
    vectors = sum(name.startswith("eigenvector") for name in names)
    return {
        "data": Markup(data),
        "networks": networks,
        "classes": classes[: len(names) - vectors],
        "vectors": vectors,
        "lengths": lengths,
        "start": _first(arrays["lengths"]),
        "images": attributes["images"],
    }


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

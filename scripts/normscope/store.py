"""Every HDF5 file of a run: the names, shapes, units and attributes of its datasets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from normscope.job import Refused, whole

SIZE = 32  # of every image, in pixels

# Letters are sizes, equal throughout a file: N and M images, K classes, P parameters,
# L parameter tensors, k eigenpairs.
MOMENTS = ("mean", "variance", "third_moment")
EIGENPAIRS = {
    "eigenvalues": ("k", "of the mean loss over a batch, averaged over the batches"),
    "eigenvectors": ("k P", "unit rows, ordered as the eigenvalues"),
    "residual_norms": ("k", "||Hv - lambda v|| / |lambda| by the Lanczos relation"),
}
LAYOUTS = {
    "dataset.h5": {
        "train/images": (f"N 3 {SIZE} {SIZE}", "RGB, grey levels 0 to 255"),
        "train/labels": ("N", "index into the attribute classes"),
        "test/images": (f"M 3 {SIZE} {SIZE}", "RGB, grey levels 0 to 255"),
        "test/labels": ("M", "index into the attribute classes"),
    },
    "moment_gradients.h5": {
        "mean": ("K P", "gradient of each output's mean over a batch"),
        "variance": ("K P", "gradient of each output's unbiased variance over a batch"),
        "third_moment": (
            "K P",
            "gradient of each output's third central moment over a batch",
        ),
        "parameters/name": ("L", "of each parameter tensor"),
        "parameters/shape": ("L 4", "out channels, in channels, height, width"),
        "parameters/offset": ("L", "of its first entry in the P parameters"),
    },
    "hessian.h5": EIGENPAIRS,
    "hessian_projected.h5": EIGENPAIRS,
}


def write(path: str, arrays: Mapping[str, object], attributes: Mapping) -> None:
    """Write a file of LAYOUTS, whole or not at all.

    Raises ValueError where names or sizes are not those of its layout.
    """
    layout = LAYOUTS[Path(path).name]
    if arrays.keys() != layout.keys():
        raise ValueError(f"{path}: expected {list(layout)}, got {list(arrays)}")
    with whole(path) as partial, h5py.File(partial, "w") as file:
        for name, values in arrays.items():
            shape, meaning = layout[name]
            file.create_dataset(name, data=values).attrs.update(
                definition=meaning, shape=shape
            )
        _check_sizes(path, file, layout)
        file.attrs.update(attributes)


def read(path: str, *names: str) -> tuple[dict[str, np.ndarray], dict]:
    """The named datasets (all, if none is named) and the file's attributes.

    Raises Refused where the file is not a whole one of its layout.
    """
    layout = LAYOUTS[Path(path).name]
    with _opened(path) as file:
        _check_sizes(path, file, layout)
        arrays = {name: _values(file[name]) for name in names or layout}
        return arrays, dict(file.attrs)


def attributes(path: str) -> dict:
    """The file's attributes; raises Refused where it cannot be read."""
    with _opened(path) as file:
        return dict(file.attrs)


@contextmanager
def _opened(path: str) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, ValueError) as error:
        raise Refused(
            f"{path} is not a whole {Path(path).name} of this version; "
            "delete it and run again"
        ) from error


def _values(dataset: h5py.Dataset) -> np.ndarray:
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    return dataset.asstr()[()] if is_text else dataset[()]


def _check_sizes(path: str, file: h5py.File, layout: Mapping) -> None:
    sizes: dict[str, int] = {}
    for name, (shape, _) in layout.items():
        letters, actual = shape.split(), file[name].shape
        expected = [
            int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
            for letter, size in zip(letters, actual, strict=True)
        ]
        if list(actual) != expected:
            raise ValueError(f"{path}: {name} has shape {actual}, not {shape}")

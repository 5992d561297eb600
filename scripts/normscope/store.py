"""Every HDF5 file of a run: the names, shapes, units and attributes of its datasets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import ENOLCK, ENOSYS, EOPNOTSUPP
from fnmatch import fnmatchcase
from pathlib import Path

import h5py
import numpy as np

from normscope.job import Refused, whole
from normscope.reading import reading

SIZE = 32  # of every image, in pixels
WITHOUT_LOCKS = (ENOLCK, ENOSYS, EOPNOTSUPP)  # what such a file system says of one
OUTPUTS = "classifier_scale"  # the layer that has the networks' outputs as channels

# By the end of a file's path, and by the name of a data set in it; * is any name.
# Letters are sizes, equal throughout a group: N images, K classes, P parameters, L
# parameter tensors, k eigenpairs, C channels, S of them shown, G points of a
# grid, W singular values.
MOMENTS = ("mean", "variance", "third_moment")
EIGENPAIRS = {
    "eigenvalues": ("k", "of the mean loss over a batch, averaged over the batches"),
    "eigenvectors": ("k P", "unit rows, ordered as the eigenvalues"),
    "residual_norms": ("k", "||Hv - lambda v|| / |lambda| by the Lanczos relation"),
}
CHANNELS = {
    "*/mean": ("C", "of each channel, over examples and pixels"),
    "*/std": ("C", "of each channel, the square root of the mean squared deviation"),
    "*/min": ("C", "of each channel"),
    "*/max": ("C", "of each channel"),
    "*/density": (
        "S G",
        "Gaussian kernel densities of the first channels, Scott's bandwidth",
    ),
    "*/grid": ("G", "values that the densities are given at"),
}
CHANNEL_FIELDS = [name.removeprefix("*/") for name in CHANNELS]
LAYOUTS = {
    "seed*/initialisation/*.h5": CHANNELS
    | {
        "singular_values/*": ("W", "of the map from the inputs to a layer, falling"),
        "*/largest_share": ("S", "of values, by the channel that is the largest there"),
        "*/variance_between": ("", "variance of the channels' means"),
        "*/variance_within": ("", "mean of the channels' variances"),
    },
    "dataset.h5": {
        "train/images": (f"N 3 {SIZE} {SIZE}", "RGB, grey levels 0 to 255"),
        "train/labels": ("N", "index into the attribute classes"),
        "test/images": (f"N 3 {SIZE} {SIZE}", "RGB, grey levels 0 to 255"),
        "test/labels": ("N", "index into the attribute classes"),
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
    "channels.h5": CHANNELS,
    "perturbations.h5": CHANNELS
    | {"*/predicted_share": ("K", "of inputs, by the class of their largest output")},
}


def write(
    path: str,
    arrays: Mapping[str, object],
    attributes: Mapping,
    groups: Mapping[str, Mapping] | None = None,
) -> None:
    """Write a file of LAYOUTS, whole or not at all, with attributes of its groups.

    Raises ValueError where names or sizes are not those of its layout.
    """
    layout = _layout(path)
    # Nobody else knows of it, and a network's file system may have no locks.
    with whole(path) as partial, h5py.File(partial, "w", locking=False) as file:
        for name, values in arrays.items():
            shape, meaning = _entry(path, layout, name)
            file.create_dataset(name, data=values).attrs.update(
                definition=meaning, shape=shape
            )
        _check(path, file)
        file.attrs.update(attributes)
        file.attrs["members"] = len(_members(file))
        for name, values in (groups or {}).items():
            file[name].attrs.update(values)


def read(path: str, *names: str) -> tuple[dict[str, np.ndarray], dict]:
    """The named datasets (all, if none is named) and the file's attributes.

    Raises Refused where the file is not a whole one of its layout, or cannot be read.
    """
    with _opened(path) as file:
        present = _check(path, file)
        arrays = {name: _values(file[name]) for name in names or present}
        return arrays, dict(file.attrs)


def nested(arrays: Mapping[str, object], name: str) -> dict[str, object]:
    """The arrays as members of a group, for `write`."""
    return {f"{name}/{key}": values for key, values in arrays.items()}


def group(arrays: Mapping[str, object], name: str) -> dict[str, object]:
    """The members of a group of what `read` returns, by their names in it."""
    start = f"{name}/"
    return {
        key.removeprefix(start): values
        for key, values in arrays.items()
        if key.startswith(start)
    }


def group_attributes(path: str) -> dict[str, dict]:
    """The attributes of each group of the file, by its name."""
    with _opened(path) as file:
        return {name: dict(member.attrs) for name, member in file.items()}


def attributes(path: str) -> dict:
    """The file's attributes; raises Refused where it cannot be read."""
    with _opened(path) as file:
        return dict(file.attrs)


def same_parameters(counts: Mapping[str, int]) -> None:
    """Raise Refused where the numbers of parameters of some files differ."""
    if len(set(counts.values())) > 1:
        said = " and ".join(f"{path} of {n} parameters" for path, n in counts.items())
        raise Refused(f"of different networks: {said}; delete the older and run again")


@contextmanager
def _opened(path: str) -> Iterator[h5py.File]:
    kind = f"a whole {Path(path).name} of this version"
    with reading(path, kind), _read_only(path) as file:
        if file.attrs["members"] != len(_members(file)):
            raise ValueError(f"{path}: some are missing, or too many")
        yield file


def _read_only(path: str) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        return h5py.File(path, "r", locking=False)


def _values(dataset: h5py.Dataset) -> np.ndarray:
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    return dataset.asstr()[()] if is_text else dataset[()]


def _layout(path: str) -> Mapping:
    return next(layout for end, layout in LAYOUTS.items() if Path(path).match(end))


def _entry(path: str, layout: Mapping, name: str) -> tuple[str, str]:
    for pattern, entry in layout.items():
        if fnmatchcase(name, pattern):
            return entry
    raise ValueError(f"{path}: {name} is none of {list(layout)}")


def _members(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def _check(path: str, file: h5py.File) -> list[str]:
    """The names of the file's data sets, all of them of its layout."""
    layout = _layout(path)
    names = [name for name in _members(file) if hasattr(file[name], "shape")]
    missing = [name for name in layout if "*" not in name and name not in names]
    if missing or not names:
        raise ValueError(f"{path}: expected {list(layout)}, got {names}")
    sizes: dict[tuple[str, str], int] = {}
    for name in names:
        letters = _entry(path, layout, name)[0].split()
        place, actual = name.rpartition("/")[0], file[name].shape
        expected = [
            int(letter) if letter.isdigit() else sizes.setdefault((place, letter), size)
            for letter, size in zip(letters, actual, strict=True)
        ]
        if list(actual) != expected:
            raise ValueError(f"{path}: {name} has shape {actual}, not {letters}")
    return names

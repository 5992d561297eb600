"""HDF5 files, written whole with names, sizes and meanings of their data sets, and
checked by these when they are read.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import ENOLCK, ENOSYS, EOPNOTSUPP
from fnmatch import fnmatchcase
from pathlib import Path

import h5py
import numpy as np

from normscope.job import UserError, atomic_write
from normscope.reading import reading

WITHOUT_LOCKS = (ENOLCK, ENOSYS, EOPNOTSUPP)  # what such a file system says of one

# By the name of a data set, in which * is any name: its sizes and its definition or
# unit. Letters are sizes, equal throughout a group: N images, K classes, P parameters,
# L parameter tensors, k eigenpairs, C channels, S of them shown, G points of a grid, W
# singular values. A number is itself.
Layout = Mapping[str, tuple[str, str]]


def write(
    path: str,
    layout: Layout,
    arrays: Mapping[str, object],
    attributes: Mapping,
    groups: Mapping[str, Mapping] | None = None,
) -> None:
    """Write a file of the layout, whole or not at all, with attributes of its groups.

    Raises ValueError where names or sizes are not those of the layout.
    """
    # Nobody else knows of it, and a network's file system may have no locks.
    with atomic_write(path) as partial, h5py.File(partial, "w", locking=False) as file:
        for name, values in arrays.items():
            sizes, meaning = _entry(path, layout, name)
            file.create_dataset(name, data=values).attrs.update(
                definition=meaning, shape=sizes
            )
        missing = [name for name in layout if "*" not in name and name not in arrays]
        if missing:
            raise ValueError(f"{path}: {', '.join(missing)} are missing")
        _check(file)
        file.attrs.update(attributes)
        file.attrs["members"] = len(_members(file))
        for name, values in (groups or {}).items():
            file[name].attrs.update(values)


def read(path: str, *names: str) -> tuple[dict[str, np.ndarray], dict]:
    """The named data sets, all in a group that is named, or all of the file if none is;
    and the file's attributes.

    Raises UserError where the file is not a whole one that `write` made, or cannot be
    read.
    """
    with _opened(path) as file:
        present = _check(file)
        groups = [f"{name}/" for name in names]
        wanted = [
            name
            for name in present
            if not names or name in names or name.startswith(tuple(groups))
        ]
        for name, group in zip(names, groups, strict=True):
            if not any(found == name or found.startswith(group) for found in wanted):
                raise KeyError(name)
        return {name: _values(present[name]) for name in wanted}, dict(file.attrs)


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
        members = file.items()
        return {name: dict(g.attrs) for name, g in members if isinstance(g, h5py.Group)}


def attributes(path: str) -> dict:
    """The file's attributes; raises UserError where it cannot be read."""
    with _opened(path) as file:
        return dict(file.attrs)


def require_same_size(counts: Mapping[str, int]) -> None:
    """Raise UserError where the numbers of parameters of some files differ."""
    if len(set(counts.values())) > 1:
        each = " and ".join(f"{path} of {n} parameters" for path, n in counts.items())
        raise UserError(
            f"of different networks: {each}; delete the older and run again"
        )


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


def _values(dataset: h5py.Dataset) -> np.ndarray | np.generic:
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    return dataset.asstr()[()] if is_text else dataset[()]


def _entry(path: str, layout: Layout, name: str) -> tuple[str, str]:
    for pattern, entry in layout.items():
        if fnmatchcase(name, pattern):
            return entry
    raise ValueError(f"{path}: {name} is none of {list(layout)}")


def _members(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def _check(file: h5py.File) -> dict[str, h5py.Dataset]:
    """The file's data sets by name, each of the sizes that it says."""
    # Each is opened once: that takes most of the time of reading many small ones.
    members = {name: file[name] for name in _members(file)}
    found = {name: m for name, m in members.items() if isinstance(m, h5py.Dataset)}
    sizes: dict[tuple[str, str], int] = {}
    for name, dataset in found.items():
        letters, actual = dataset.attrs["shape"].split(), dataset.shape
        place = name.rpartition("/")[0]
        expected = [
            int(letter) if letter.isdigit() else sizes.setdefault((place, letter), size)
            for letter, size in zip(letters, actual, strict=True)
        ]
        if list(actual) != expected:
            raise ValueError(
                f"{file.filename}: {name} has shape {actual}, not {letters}"
            )
    return found

"""Where the images of a run come from: drawn, a folder of the user's, or CIFAR-10."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from http.client import HTTPException
from pathlib import Path
from unicodedata import normalize

import numpy as np
from torchvision.datasets import CIFAR10, ImageFolder

from normscope import pictures, shapes, textures
from normscope.job import Refused, progress
from normscope.store import SIZE

# What systems put beside the user's own files, besides names that begin with a dot.
HIDDEN = (
    "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found",
    "Thumbs.db", "desktop.ini",
)  # fmt: skip
NAMED = 20  # damaged files in one message, at most
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Pictures:
    """Labels (N,) int64, and how to read the images (n, 3, 32, 32) of some indices."""

    labels: np.ndarray
    read: Callable[[np.ndarray], np.ndarray]


def synthetic(settings: dict) -> tuple[Pictures, Pictures, list[str]]:
    """Drawn textures and shapes, as many as the settings' train_size and test_size."""
    sizes = [settings["train_size"], settings["test_size"]]
    if None in sizes:
        raise Refused(
            "config keys dataset.train_size and test_size: synthetic needs numbers"
        )
    rng = np.random.default_rng([settings["seed"], 0])
    drawn = (textures.draw(size, rng) for size in sizes)
    train, test = (_in_memory(images, labels) for images, labels in drawn)
    return train, test, list(textures.CLASSES)


def _in_memory(images: np.ndarray, labels: np.ndarray) -> Pictures:
    return Pictures(labels, lambda indices: images[indices])


def image_folder(settings: dict) -> tuple[Pictures, Pictures, list[str]]:
    """Pictures in root/train/<class>/ and root/test/<class>/, brought to 32 x 32 RGB.

    Each is scaled to cover the square and cropped about its centre. What is hidden is
    no picture and no class; of files that are of no kind that can be read, the log has
    the number. Class names are NFC, whichever way their letters were composed. Raises
    Refused where a folder is missing or empty, the classes of the two differ or are
    fewer than two, or files are not whole pictures or links to some elsewhere; those
    are all named at once.
    """
    root = _required_root(settings)
    train, test = _folder(root / "train"), _folder(root / "test")
    if train.classes != test.classes:
        odd = sorted(set(train.classes) ^ set(test.classes))
        raise Refused(f"{root}: train and test differ in the classes {', '.join(odd)}")
    if len(train.classes) < 2:
        raise Refused(f"{root}/train has one class; give at least two folders")
    paths = [path for folder in (train, test) for path, _ in folder.samples]
    tops = cache(partial(pictures.common_tops, paths))
    return _on_disk(train, tops), _on_disk(test, tops), train.classes


def _required_root(settings: dict) -> Path:
    if settings["root"] is None:
        raise Refused("config key dataset.root: name the folder of the images")
    root = Path(settings["root"]).expanduser()
    if not root.is_dir():
        raise Refused(f"config key dataset.root: there is no folder {root}")
    return root


class _Folder(ImageFolder):
    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:
        """The classes, NFC, and the number of each folder's: not of hidden ones."""
        names = filter(_is_shown, super().find_classes(directory)[0])
        composed = {name: normalize("NFC", name) for name in names}
        if not composed:
            raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
        for name in composed:
            if SURROGATE.search(name):  # what Python makes of bytes that are no UTF-8
                raise Refused(f"{directory}: rename {name!r}, in letters of UTF-8")
        classes = sorted(set(composed.values()))
        numbers = {name: number for number, name in enumerate(classes)}
        return classes, {name: numbers[composed[name]] for name in composed}


def _folder(path: Path) -> ImageFolder:
    left_out: Counter[str] = Counter()

    def is_picture(name: str) -> bool:
        if not all(map(_is_shown, Path(name).relative_to(path).parts)):
            return False
        kind = Path(name).suffix.lower()
        if not pictures.can_be_read(kind):
            left_out[kind or "without an ending"] += 1
        return pictures.can_be_read(kind)

    try:
        folder = _Folder(path, is_valid_file=is_picture)
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise Refused(
            f"{path}: expected a folder of images per class; {reason}"
            + (f"Of kinds that cannot be read: {_counts(left_out)}" if left_out else "")
        ) from None
    if left_out:
        print(f"{path}: left out, of kinds that cannot be read: {_counts(left_out)}")
    root = os.path.realpath(path.parent)
    links = [name for name, _ in folder.samples if os.path.islink(name)]
    _refuse_all(
        f"{name} is a link out of {root}; put a copy there"
        for name in links
        if not Path(os.path.realpath(name)).is_relative_to(root)
    )
    return folder


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name not in HIDDEN


def _counts(numbers: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in numbers.most_common())


def _on_disk(folder: ImageFolder, tops: Callable[[], dict[str, float]]) -> Pictures:
    def read(indices: np.ndarray) -> np.ndarray:
        images = np.empty((len(indices), 3, SIZE, SIZE), np.uint8)
        bar = progress(len(indices), Path(folder.root).name, "images")
        refusals = []
        for place, index in enumerate(indices):
            try:
                images[place] = pictures.read(folder.samples[index][0], tops)
            except Refused as refusal:
                refusals.append(str(refusal))
            bar.update()
        bar.close()
        _refuse_all(refusals)
        return images

    return Pictures(np.array(folder.targets, np.int64), read)


def _refuse_all(refusals: Iterable[str]) -> None:
    """Raise one Refused for all, where there are any; of many the log has the rest."""
    named = list(refusals)
    if rest := named[NAMED:]:
        print("\n".join(rest))
        named[NAMED:] = [f"and {len(rest)} more files, which the log names"]
    if named:
        raise Refused("; ".join(named))


def cifar10(settings: dict) -> tuple[Pictures, Pictures, list[str]]:
    """CIFAR-10 under root, downloaded if it is not there; torchvision checks the MD5.

    Raises Refused where the copy is damaged or the download fails.
    """
    root = Path(settings["root"] or "data").expanduser()
    try:
        splits = [CIFAR10(root, train, download=True) for train in (True, False)]
    except (OSError, RuntimeError, HTTPException) as error:
        reason = str(error).partition("\n")[0]
        raise Refused(
            f"CIFAR-10 under {root} (config key dataset.root): {reason}; put a whole "
            f"{CIFAR10.filename} there"
        ) from None
    train, test = (
        _in_memory(split.data.transpose(0, 3, 1, 2), np.array(split.targets, np.int64))
        for split in splits
    )
    return train, test, splits[0].classes


SOURCES: dict[str, Callable] = {
    "synthetic": synthetic,
    "image_folder": image_folder,
    "cifar10": cifar10,
}


def colour_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and std of each colour over images and pixels, in grey levels: (3,), (3,).

    Raises Refused where a colour never varies, which no network could be given
    normalised.
    """
    shapes.check(images=(images, "N 3 ..."))
    colours = images.transpose(1, 0, 2, 3).reshape(3, -1)
    levels = np.arange(256)
    counts = np.stack([np.bincount(colour, minlength=256) for colour in colours])
    mean = counts @ levels / colours.shape[1]
    std = np.sqrt(counts @ levels**2 / colours.shape[1] - mean**2)
    if std.min() < 1e-3:
        raise Refused(
            "config section dataset: a colour has the same value in all train images; "
            "give it images that differ"
        )
    return mean, std

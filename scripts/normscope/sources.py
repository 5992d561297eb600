"""Where the images of a run come from: drawn, a folder of the user's, or CIFAR-10."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torchvision.datasets import CIFAR10, ImageFolder

from normscope import shapes, textures
from normscope.job import Refused, progress
from normscope.store import SIZE


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

    Each is scaled to cover the square and cropped about its centre. Raises Refused
    where a folder is missing or empty, the classes of the two differ or are fewer
    than two, or a file is not a whole picture or a link to one elsewhere.
    """
    root = _required_root(settings)
    train, test = _folder(root / "train"), _folder(root / "test")
    if train.classes != test.classes:
        odd = sorted(set(train.classes) ^ set(test.classes))
        raise Refused(f"{root}: train and test differ in the classes {', '.join(odd)}")
    if len(train.classes) < 2:
        raise Refused(f"{root}/train has one class; give at least two folders")
    return _on_disk(train), _on_disk(test), train.classes


def _required_root(settings: dict) -> Path:
    if settings["root"] is None:
        raise Refused("config key dataset.root: name the folder of the images")
    root = Path(settings["root"]).expanduser()
    if not root.is_dir():
        raise Refused(f"config key dataset.root: there is no folder {root}")
    return root


def _folder(path: Path) -> ImageFolder:
    try:
        folder = ImageFolder(path, is_valid_file=_may_be_a_picture)
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise Refused(
            f"{path}: expected a folder of images per class; {reason}"
        ) from None
    root = os.path.realpath(path.parent)
    for name in (name for name, _ in folder.samples if os.path.islink(name)):
        if not Path(os.path.realpath(name)).is_relative_to(root):
            raise Refused(f"{name} is a link out of {root}; put a copy there")
    return folder


def _may_be_a_picture(name: str) -> bool:
    kind = Image.registered_extensions().get(Path(name).suffix.lower())
    return kind in Image.OPEN


def _on_disk(folder: ImageFolder) -> Pictures:
    def read(indices: np.ndarray) -> np.ndarray:
        images = np.empty((len(indices), 3, SIZE, SIZE), np.uint8)
        bar = progress(len(indices), Path(folder.root).name, "images")
        for place, index in enumerate(indices):
            images[place] = _picture(folder.samples[index][0])
            bar.update()
        bar.close()
        return images

    return Pictures(np.array(folder.targets, np.int64), read)


def _picture(path: str) -> np.ndarray:
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):  # which convert would clip
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            square = ImageOps.fit(upright.convert("RGB"), (SIZE, SIZE), Image.BICUBIC)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = str(error).partition("\n")[0]
        raise Refused(f"{path} is not a whole picture: {reason}; remove it") from None
    return np.asarray(square).transpose(2, 0, 1)


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

"""CIFAR-10."""

from http.client import HTTPException
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.datasets import CIFAR10

from normscope.images.labelled import Pictures, in_memory
from normscope.images.size import SIZE
from normscope.job import UserError


def read(settings: dict) -> tuple[Pictures, Pictures, list[str]]:
    """CIFAR-10 under root, downloaded if it is not there; torchvision checks the MD5.

    Images are scaled to the settings' size where that is another than theirs.

    Raises UserError where the copy is damaged or the download fails.
    """
    root = Path(settings["root"] or "data").expanduser()
    try:
        splits = [CIFAR10(root, train, download=True) for train in (True, False)]
    except (OSError, RuntimeError, HTTPException) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"CIFAR-10 under {root} (config key dataset.root): {reason}; put a whole "
            f"{CIFAR10.filename} there"
        ) from None
    train, test = (
        in_memory(
            _scaled(split.data, settings.get("size", SIZE)).transpose(0, 3, 1, 2),
            np.array(split.targets, np.int64),
        )
        for split in splits
    )
    return train, test, splits[0].classes


def _scaled(images: np.ndarray, size: int) -> np.ndarray:
    """Images (N, 32, 32, 3), with that height and width."""
    if size == images.shape[1]:
        return images
    scaled = np.empty((len(images), size, size, 3), np.uint8)
    for place, image in enumerate(images):
        picture = Image.fromarray(image)
        scaled[place] = picture.resize((size, size), Image.Resampling.BICUBIC)
    return scaled

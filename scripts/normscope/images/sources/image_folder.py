"""A folder of the user's."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from torchvision.datasets import ImageFolder

from normscope.images import folders, pictures
from normscope.images.labelled import Images, Integers, Pictures
from normscope.images.size import SIZE
from normscope.job import UserError, progress


def read(settings: dict) -> tuple[Pictures, Pictures, list[str]]:
    """Pictures in root/train/<class>/ and root/test/<class>/, brought to squares of
    the settings' size in RGB.

    Each is scaled to cover the square and cropped about its centre. What is hidden is
    no picture and no class; of files that are of no kind that can be read, the log has
    the number. Class names are NFC, whichever way their letters were composed. Raises
    UserError where a folder is missing or empty, the classes of the two differ or are
    fewer than two, or files are not whole pictures or links to some elsewhere; those
    are all named at once.
    """
    root = _required_root(settings)
    train, test = folders.opened(root / "train"), folders.opened(root / "test")
    if train.classes != test.classes:
        odd = sorted(set(train.classes) ^ set(test.classes))
        raise UserError(
            f"{root}: train and test differ in the classes {', '.join(odd)}"
        )
    if len(train.classes) < 2:
        raise UserError(f"{root}/train has one class; give at least two folders")
    paths = [path for folder in (train, test) for path, _ in folder.samples]
    tops = cache(partial(pictures.common_tops, paths))
    size = settings.get("size", SIZE)
    return _on_disk(train, tops, size), _on_disk(test, tops, size), train.classes


def _required_root(settings: dict) -> Path:
    if settings["root"] is None:
        raise UserError("config key dataset.root: name the folder of the images")
    root = Path(settings["root"]).expanduser()
    if not root.is_dir():
        raise UserError(f"config key dataset.root: there is no folder {root}")
    return root


def _on_disk(
    folder: ImageFolder, tops: Callable[[], dict[str, float]], size: int
) -> Pictures:
    def read_images(indices: Integers) -> Images:
        images = np.empty((len(indices), 3, size, size), np.uint8)
        bar = progress(len(indices), Path(folder.root).name, "images")
        refusals = []
        for place, index in enumerate(indices):
            try:
                images[place] = pictures.read(folder.samples[index][0], tops, size)
            except UserError as refusal:
                refusals.append(str(refusal))
            bar.update()
        bar.close()
        folders.refuse_all(refusals)
        return images

    return Pictures(np.array(folder.targets, np.int64), read_images)

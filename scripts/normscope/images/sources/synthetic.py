"""Drawn textures and shapes."""

import numpy as np

from normscope.images import textures
from normscope.images.labelled import Pictures, in_memory
from normscope.images.size import SIZE
from normscope.job import UserError


def read(settings: dict) -> tuple[Pictures, Pictures, list[str]]:
    """As many as the settings' train_size and test_size, of its size."""
    sizes = [settings["train_size"], settings["test_size"]]
    if None in sizes:
        raise UserError(
            "config keys dataset.train_size and test_size: synthetic needs numbers"
        )
    rng = np.random.default_rng([settings["seed"], 0])
    side = settings.get("size", SIZE)
    drawn = (textures.draw(count, rng, side) for count in sizes)
    train, test = (in_memory(images, labels) for images, labels in drawn)
    return train, test, list(textures.CLASSES)

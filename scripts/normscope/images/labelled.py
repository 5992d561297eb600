"""Labelled images as a source gives them, read once it is known which are wanted."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from normscope.images.size import IMAGES
from normscope.job import UserError

Images, Integers = UInt8[np.ndarray, IMAGES], Int64[np.ndarray, "N"]


@dataclass(frozen=True)
class Pictures:
    """Labels, and how to read the images of some indices."""

    labels: Integers
    read: Callable[[Integers], Images]


def in_memory(images: Images, labels: Integers) -> Pictures:
    """Pictures that are all at hand."""
    return Pictures(labels, lambda indices: images[indices])


def colour_statistics(
    images: Images,
) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
    """Mean and std of each colour over images and pixels, in grey levels.

    Raises UserError where a colour never varies, which no network could be given
    normalised.
    """
    colours = images.transpose(1, 0, 2, 3).reshape(3, -1)
    levels = np.arange(256)
    counts = np.stack([np.bincount(colour, minlength=256) for colour in colours])
    mean = counts @ levels / colours.shape[1]
    std = np.sqrt(counts @ levels**2 / colours.shape[1] - mean**2)
    if std.min() < 1e-3:
        raise UserError(
            "config section dataset: a colour has the same value in all train images; "
            "give it images that differ"
        )
    return mean, std

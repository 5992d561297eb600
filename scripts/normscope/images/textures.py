"""The embedded data set: textures and shapes, drawn by numpy."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int64, UInt8

from normscope.images.size import IMAGES, SIZE

# Each pattern maps coordinates (N, S, S), turned and centred, to 0..1; lengths are
# in pixels of a picture of 32.
Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _inside(signed_distance: np.ndarray) -> np.ndarray:
    """1 inside, 0 outside, with an edge one pixel wide."""
    return np.clip(0.5 - signed_distance, 0, 1)


def _grating(angle: float) -> Pattern:
    cosine, sine = np.cos(angle), np.sin(angle)
    return lambda x, y: 0.5 + 0.5 * np.sin(0.9 * (cosine * x + sine * y))


def _square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x), np.abs(y)) - 8


def _bar(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x) - 3, np.abs(y) - 10)


PATTERNS: dict[str, Pattern] = {
    # Within a right angle, since augmentation mirrors the images.
    **{f"grating {90 * i / 4:g} deg": _grating(np.pi / 2 * i / 4) for i in range(5)},
    "disc": lambda x, y: _inside(np.hypot(x, y) - 9),
    "ring": lambda x, y: _inside(np.abs(np.hypot(x, y) - 8) - 2.5),
    "square": lambda x, y: _inside(_square(x, y)),
    "cross": lambda x, y: _inside(np.minimum(_bar(x, y), _bar(y, x))),
    "checkerboard": lambda x, y: (np.sin(0.7 * x) * np.sin(0.7 * y) > 0).astype(float),
}
CLASSES = tuple(PATTERNS)
# How hard the images are. Chosen so that the default's batch norm network ends with a
# training accuracy of .80 to .88 at five seeds, as the article's on CIFAR-10 (.858).
OPACITY = 0.24, 0.8  # of a pattern over its background, at least and at most
NOISE = 0.125  # standard deviation of every pixel, of a range of 0 to 1


def draw(
    count: int, rng: np.random.Generator, size: int = SIZE
) -> tuple[UInt8[np.ndarray, IMAGES], Int64[np.ndarray, " N"]]:
    """Images and their labels, of every class as many or one more.

    Position, turn, scale, phase and colours vary; a pattern is blended over a
    low-frequency coloured background, with noise.
    """
    labels = np.arange(count) % len(CLASSES)
    x, y = _coordinates(count, rng, size)
    masks = np.empty((count, size, size))
    for label, pattern in enumerate(PATTERNS.values()):
        chosen = labels == label
        masks[chosen] = pattern(x[chosen], y[chosen])
    opacity = rng.uniform(*OPACITY, (count, 1, 1, 1))
    masks = opacity * masks[:, None]
    colours = rng.beta(0.4, 0.4, (count, 3, 1, 1))
    images = (1 - masks) * _backgrounds(count, rng, size) + masks * colours
    images += rng.normal(0, NOISE, images.shape)
    return (255 * images.clip(0, 1)).round().astype(np.uint8), labels


def _coordinates(
    count: int, rng: np.random.Generator, size: int
) -> tuple[np.ndarray, ...]:
    shift = rng.uniform(-5, 5, (2, count, 1, 1))
    scale = rng.uniform(0.7, 1.3, (count, 1, 1))
    turn = rng.normal(0, 0.12, (count, 1, 1))
    axis = (np.arange(size) - (size - 1) / 2) * (SIZE / size)
    x, y = axis[None, None] - shift[0], axis[None, :, None] - shift[1]
    cosine, sine = np.cos(turn), np.sin(turn)
    return (cosine * x - sine * y) / scale, (sine * x + cosine * y) / scale


def _backgrounds(count: int, rng: np.random.Generator, size: int) -> np.ndarray:
    """Smooth colours: 3 x 3 random ones, interpolated to every pixel."""
    coarse = rng.uniform(0, 1, (count, 3, 3, 3))
    position = np.linspace(0, 2, size)
    weights = np.clip(1 - np.abs(position[:, None] - np.arange(3)), 0, 1)
    return 0.25 + 0.5 * np.einsum("ncij,yi,xj->ncyx", coarse, weights, weights)

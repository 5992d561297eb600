"""Picture files of any kind that Pillow reads, as RGB squares."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import ceil, log2

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from normscope.images.size import SIZE
from normscope.job import BlockedError, UserError
from normscope.reading import obstacle

ORIENTATION = 0x0112  # the EXIF tag
SAMPLE_FORMAT, SIGNED_SAMPLES = 339, 2  # a tag of TIFF, and what it may say
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Modes of grey levels that Pillow's own conversion to 8 bits cuts off at 255.
FRACTIONS, SIGNED = "fractions", "32-bit numbers"
KINDS = {"I;16": "16-bit numbers", "I": SIGNED, "F": FRACTIONS}
LEVELS = 17  # of 256: what comes to fewer has lost what it showed


def can_be_read(ending: str) -> bool:
    """Whether Pillow reads files of this ending, such as ".png", here."""
    kind = Image.registered_extensions().get(ending)
    factory = Image.OPEN.get(kind, (ImageFile.StubImageFile,))[0]
    # A stub knows a kind that another library would have to decode.
    return not (
        isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)
    )


def read(
    path: str, tops: Callable[[], Mapping[str, float]], size: int = SIZE
) -> UInt8[np.ndarray, "3 {size} {size}"]:
    """The picture, upright, scaled to cover the square of `size` pixels and cropped.

    Colours and grey levels of 8 bits are as Pillow converts them, others are divided by
    what `tops` gives for their kind. Raises UserError where the file is not a whole
    picture, or its levels are negative, not finite, or all but black beside that top.
    """
    image = _upright(path)
    if image.mode == "RGB":
        square = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
        return np.asarray(square).transpose(2, 0, 1)
    kind, levels = _kind(image), _levels(path, image)
    top, highest = tops()[kind], levels.max()
    is_rounded = kind == FRACTIONS or top > 255
    if is_rounded and highest * 255 / top < LEVELS and levels.min() < highest:
        raise UserError(
            f"{path} has grey levels up to {highest:g}, but {top:g} is white in others "
            "of its kind; bring all to one scale"
        )
    grey = Image.fromarray((levels * 255 / top).astype(np.float32))
    square = np.asarray(ImageOps.fit(grey, (size, size), Image.Resampling.BICUBIC))
    return np.tile(square.round().clip(0, 255).astype(np.uint8), (3, 1, 1))


def common_tops(paths: Iterable[str]) -> dict[str, float]:
    """What is white, for each kind of grey levels that are not of 8 bits.

    One level for all pictures: networks see them normalised, so that a scale of their
    own would be a difference between them. Files that cannot be read have no say.
    """
    highest: dict[str, list[float]] = defaultdict(list)
    for path in paths:
        with suppress(UserError):
            if _is_deep(path):
                image = _upright(path)
                highest[_kind(image)].append(_levels(path, image).max())
    tops = {kind: _top(kind, max(found)) for kind, found in highest.items()}
    for kind, found in highest.items():
        print(
            f"{len(found)} pictures have {kind} as grey levels, up to {max(found):g}: "
            f"{tops[kind]:g} is white"
        )
    return tops


def _top(kind: str, highest: float) -> float:
    """The full range of the fewest bits that hold the level, of 8, 10, 12 and so on as
    cameras have them; 1 for fractions, or the power of 4 that is next above them.
    """
    if kind == FRACTIONS and highest <= 64:
        return 4.0 ** ceil(log2(highest) / 2) if highest > 0 else 1.0
    depths = {*range(8, 130, 2)} | ({15, 31} if kind == SIGNED else set())
    return min(2.0**bits - 1 for bits in depths if highest <= 2.0**bits - 1)


def _kind(image: Image.Image) -> str:
    return KINDS[image.mode[:4]]


def _levels(path: str, image: Image.Image) -> Float64[np.ndarray, "height width"]:
    """Grey levels; raises UserError where there can be none."""
    levels = np.asarray(image).astype(np.float64)
    if not np.isfinite(levels).all():
        raise UserError(f"{path} has grey levels that are not finite; replace them")
    if levels.min() < 0:
        raise UserError(
            f"{path} has grey levels down to {levels.min():g}; add one number to the "
            "levels of all pictures, so that none is below 0"
        )
    return levels


def _is_deep(path: str) -> bool:
    with _whole(path), Image.open(path) as image:
        return image.mode[:4] in KINDS


def _upright(path: str) -> Image.Image:
    """The picture as it is to be looked at: RGB, or of a mode of KINDS."""
    with _whole(path), Image.open(path) as image:
        tags = getattr(image, "tag_v2", {})
        if image.mode == "L" and tags.get(SAMPLE_FORMAT) == (SIGNED_SAMPLES,):
            raise UserError(
                f"{path} has signed grey levels of 8 bits, whose negative ones Pillow "
                "takes for bright; convert it to unsigned"
            )
        is_cut = re.search(r"\b(?!BGR)\w+;16|SGI16", str(image.tile))
        image.load()
        # Read only, not taken out: not every EXIF block can be written anew.
        turn = TURNS.get(_orientation(image))
        upright = image.copy() if turn is None else image.transpose(turn)
        if upright.mode[:4] in KINDS:
            return upright
        upright = upright.convert("RGB")
        low, high = np.min(upright.getextrema()), np.max(upright.getextrema())
    if is_cut and low < high < LEVELS:
        raise UserError(
            f"{path} has 16 bits a colour; Pillow keeps the upper 8, but it uses "
            "the lower; multiply its levels until they fill the 16"
        )
    return upright


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # of a damaged EXIF block, which is no damage of the picture
        return 1


@contextmanager
def _whole(path: str) -> Iterator[None]:
    """Refuse by its name a file that its decoder fails on, in whatever way."""
    try:
        yield
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(
            f"{path} is not a whole picture of a kind that can be read; convert or "
            "remove it"
        ) from None
    except Exception as error:
        if reason := obstacle(path, error):
            raise BlockedError(f"{path} {reason}") from None
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(
            f"{path} is not a whole picture: {reason}; repair, convert or remove it"
        ) from None

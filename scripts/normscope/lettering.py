"""Names of users as text in figures: of letters that there are, in their space."""

from contextlib import suppress
from functools import cache
from unicodedata import category

import matplotlib
from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import text_to_path

NAME = 2.0  # inches at 8 points, of a name in a title, a legend or a table
ELLIPSIS = "…"
NO_LETTERS = ("Last Resort", "cm", "Color")  # fonts of boxes, codes of TeX, bitmaps


@cache
def fitted(name: str, inches: float = NAME, size: float = 8) -> str:
    """The name as it is, or without its middle where it is wider at this font size.

    A letter that the font lacks is taken from another that is installed; where none
    has it, its code is there instead, so that names remain different.
    """
    letters = [_drawable(letter) for letter in name]
    if width("".join(letters), size) <= inches:
        return "".join(letters)
    # Both ends, as names of a kind often share one of them.
    fewest, most = 0, len(letters)
    while most - fewest > 1:
        kept = (fewest + most) // 2
        is_wide = width(_shortened(letters, kept), size) > inches
        fewest, most = (fewest, kept) if is_wide else (kept, most)
    return _shortened(letters, fewest)


def _shortened(letters: list[str], kept: int) -> str:
    last = kept // 2
    return "".join([*letters[: kept - last], ELLIPSIS, *letters[len(letters) - last :]])


def width(text: str, size: float = 8) -> float:
    """Of one line of text at this font size, in inches."""
    font = FontProperties(size=size)
    return text_to_path.get_text_width_height_descent(text, font, False)[0] / 72


@cache
def _drawable(letter: str) -> str:
    if category(letter) == "Cc":
        return " "
    families = matplotlib.rcParams["font.family"]
    if any(ord(letter) in _letters(name) for name in families):
        return letter
    for name in _families():
        if ord(letter) in _letters(name):
            families.append(name)
            matplotlib.rcParams["font.family"] = families
            return letter
    # Marks that join or vary others change nothing that a code could show.
    return "" if category(letter) in ("Cf", "Mn") else ascii(letter)[1:-1]


@cache
def _families() -> dict[str, str]:
    """The file of each upright font of normal weight that the machine has."""
    known = {font.fname for font in fontManager.ttflist}
    for path in sorted(
        set(findSystemFonts()) - known
    ):  # installed since it listed them
        with suppress(OSError, RuntimeError):
            fontManager.addfont(path)
    return {
        font.name: font.fname
        for font in sorted(fontManager.ttflist, key=lambda font: font.name)
        if (font.style, font.weight, font.stretch) == ("normal", 400, "normal")
        and not any(odd in font.name for odd in NO_LETTERS)
    }


@cache
def _letters(family: str) -> frozenset[int]:
    with suppress(OSError, RuntimeError):  # a list is not always up to date
        return frozenset(FT2Font(_families()[family]).get_charmap())
    return frozenset()

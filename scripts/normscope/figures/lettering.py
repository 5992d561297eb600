"""Users' names as text in figures: with fonts that have their letters, cut to fit."""

import re
from contextlib import suppress
from functools import cache
from unicodedata import category

import matplotlib
from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import text_to_path

SIZE = 8.5  # points
NAME = 2.1  # inches at this size, of a name in a title, a legend or a table
ELLIPSIS = "…"
# Fonts that have boxes for letters, codes of TeX, or bitmaps.
NO_LETTERS = re.compile(r"Last Resort|cm\w+\d+$|.*Color")


@cache
def fitted(name: str, inches: float = NAME) -> str:
    """The name as it is, or without its middle where it is wider.

    A letter that the font lacks is taken from another that is installed; where none
    has it, its code is there instead, so that names remain different.
    """
    letters = [_drawable(letter) for letter in name]
    if width("".join(letters)) <= inches:
        return "".join(letters)
    # Both ends, as names of a kind often share one of them.
    fewest, most = 0, len(letters)
    while most - fewest > 1:
        kept = (fewest + most) // 2
        is_wide = width(_shortened(letters, kept)) > inches
        fewest, most = (fewest, kept) if is_wide else (kept, most)
    return _shortened(letters, fewest)


def _shortened(letters: list[str], kept: int) -> str:
    last = kept // 2
    return "".join([*letters[: kept - last], ELLIPSIS, *letters[len(letters) - last :]])


def width(text: str) -> float:
    """The width in inches of one line of text of SIZE points."""
    font = FontProperties(size=SIZE)
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
    # Marks of format, as between letters that join, have nothing to show.
    return "" if category(letter) == "Cf" else ascii(letter)[1:-1]


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
        and not NO_LETTERS.match(font.name)
    }


@cache
def _letters(family: str) -> frozenset[int]:
    with suppress(OSError, RuntimeError):  # a list is not always up to date
        return frozenset(FT2Font(_families()[family]).get_charmap())
    return frozenset()

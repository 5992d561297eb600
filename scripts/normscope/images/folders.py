"""A folder of the user's, with the pictures of each class in a folder of its own."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from unicodedata import normalize

from torchvision.datasets import ImageFolder

from normscope.images import pictures
from normscope.job import UserError

# What systems put beside the user's own files, besides names that begin with a dot.
HIDDEN = (
    "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found",
    "Thumbs.db", "desktop.ini",
)  # fmt: skip
NAMED = 20  # damaged files in one message, at most
SURROGATE = re.compile("[\ud800-\udfff]")


class _Folder(ImageFolder):
    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """The classes, NFC, and the number of each folder's: not of hidden ones."""
        names = filter(_is_shown, super().find_classes(directory)[0])
        composed = {name: normalize("NFC", name) for name in names}
        if not composed:
            raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
        for name in composed:
            if SURROGATE.search(name):  # what Python makes of bytes that are no UTF-8
                raise UserError(f"{directory}: rename {name!r}, in letters of UTF-8")
        classes = sorted(set(composed.values()))
        numbers = {name: number for number, name in enumerate(classes)}
        return classes, {name: numbers[composed[name]] for name in composed}


def opened(path: Path) -> ImageFolder:
    """The pictures in the folder, by class, without those that are hidden.

    Of files of kinds that cannot be read, the log has the number. Raises UserError
    where there is no picture, a name is not UTF-8, or a file is a link to elsewhere.
    """
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
        raise UserError(
            f"{path}: expected a folder of images per class; {reason}"
            + (f"Of kinds that cannot be read: {_counts(left_out)}" if left_out else "")
        ) from None
    if left_out:
        print(f"{path}: left out, of kinds that cannot be read: {_counts(left_out)}")
    root = os.path.realpath(path.parent)
    links = [name for name, _ in folder.samples if os.path.islink(name)]
    refuse_all(
        f"{name} is a link out of {root}; put a copy there"
        for name in links
        if not Path(os.path.realpath(name)).is_relative_to(root)
    )
    return folder


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name not in HIDDEN


def _counts(numbers: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in numbers.most_common())


def refuse_all(refusals: Iterable[str]) -> None:
    """Raise one UserError for all; where there are many, the log has the rest."""
    named = list(refusals)
    if rest := named[NAMED:]:
        print("\n".join(rest))
        named[NAMED:] = [f"and {len(rest)} more files, which the log names"]
    if named:
        raise UserError("; ".join(named))

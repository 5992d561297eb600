"""Every CSV table of a run: its columns, and a check that a file is a whole one."""

from pathlib import Path

import numpy as np
import pandas as pd

from normscope.job import Refused

# By the end of a file's path: what is in each column. A number is finite, which a
# loss need not be that may diverge; a count runs from 1 to the number of rows.
EPOCH = {
    "epoch": "count",
    "learning_rate": "number",
    "train_loss": "number",
    "train_accuracy": "number",
    "test_loss": "number",
    "test_accuracy": "number",
}
LAYOUTS = {
    "lr_stress/*.csv": EPOCH
    | {"train_loss": "loss", "test_loss": "loss", "diverged": "truth"},
    "training.csv": EPOCH | {"seconds": "number"},
    "overlaps.csv": {
        "eigenvector": "count",
        "eigenvalue": "number",
        "mean": "number",
        "variance": "number",
        "third_moment": "number",
        "total": "number",
    },
    "claims.csv": dict.fromkeys(
        (
            "id", "section", "claim", "article", "measured", "per_seed", "criterion",
            "verdict", "reason", "note", "figures",
        ),
        "text",
    ),
}  # fmt: skip
TYPES = {"count": "i", "number": "if", "loss": "if", "truth": "b", "text": "O"}


def read(path: str) -> pd.DataFrame:
    """The table, of at least one row; text as it is, "" where there is none.

    Raises Refused where the file is not a whole table of its layout or may not be read,
    FileNotFoundError where there is none.
    """
    layout = next(layout for end, layout in LAYOUTS.items() if Path(path).match(end))
    try:
        content = Path(path).read_bytes()
    except PermissionError as error:
        raise Refused(f"{path}: {error.strerror}; allow reading it") from None
    is_text = "text" in layout.values()
    try:
        # A line without its end may have lost digits as well.
        if not content.endswith(b"\n"):
            raise ValueError("it ends within a line")
        table = pd.read_csv(
            path, keep_default_na=not is_text, dtype=str if is_text else None
        )
        _check(table, layout)
    except ValueError as error:  # pandas' own are of this kind too
        reason = str(error).partition("\n")[0]
        raise Refused(
            f"{path} is not a whole {Path(path).name} of this version: {reason}; "
            "delete it and run again"
        ) from None
    return table


def _check(table: pd.DataFrame, layout: dict[str, str]) -> None:
    if list(table) != list(layout):
        raise ValueError(f"its columns are {', '.join(map(str, table))}")
    if table.empty or not isinstance(table.index, pd.RangeIndex):
        raise ValueError("its rows are none, or longer than its header")
    for name, kind in layout.items():
        column = table[name]
        if column.dtype.kind not in TYPES[kind]:
            raise ValueError(f"its column {name} is not of the kind {kind}")
        if kind == "number" and not np.isfinite(column).all():
            raise ValueError(f"its column {name} has what is no finite number")
        if kind == "text" and column.isna().any():
            raise ValueError(f"its column {name} has rows without text")
        if kind == "count" and list(column) != list(range(1, len(table) + 1)):
            raise ValueError(f"its column {name} does not count its rows")

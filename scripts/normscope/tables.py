"""CSV tables, checked when they are read: their columns, types and rows."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from normscope.job import UserError
from normscope.reading import reading

# What is in each column, by its name. A number is finite, which a loss need not be that
# may diverge; a count runs from 1 to the number of rows.
Columns = Mapping[str, str]
TYPES = {"count": "i", "number": "if", "loss": "if", "truth": "b", "text": "O"}


def read(path: str, columns: Columns) -> pd.DataFrame:
    """The table, of at least one row; text as it is, "" where there is none.

    Raises UserError where the file is not a whole table of these columns, BlockedError
    where it cannot be read.
    """
    with reading(path, "a file"):
        content = Path(path).read_bytes()
    is_text = "text" in columns.values()
    try:
        # A line without its end may have lost digits as well.
        if not content.endswith(b"\n"):
            raise ValueError("it ends within a line")
        table = pd.read_csv(
            path, keep_default_na=not is_text, dtype=str if is_text else None
        )
        _check(table, columns)
    except ValueError as error:  # pandas' own are of this kind too
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"{path} is not a whole {Path(path).name} of this version: {reason}; "
            "delete it and run again"
        ) from None
    return table


def _check(table: pd.DataFrame, columns: Columns) -> None:
    if list(table) != list(columns):
        raise ValueError(f"its columns are {', '.join(map(str, table))}")
    if table.empty or not isinstance(table.index, pd.RangeIndex):
        raise ValueError("it has no rows, or rows longer than its header")
    for name, kind in columns.items():
        column = table[name]
        if column.dtype.kind not in TYPES[kind]:
            raise ValueError(f"its column {name} is not of the kind {kind}")
        if kind == "number" and not np.isfinite(column).all():
            raise ValueError(
                f"its column {name} has a value that is not a finite number"
            )
        if kind == "text" and column.isna().any():
            raise ValueError(f"its column {name} has rows without text")
        if kind == "count" and list(column) != list(range(1, len(table) + 1)):
            raise ValueError(f"its column {name} is not 1, 2, 3 and so on")

"""All quantities of all networks of all runs, as one tidy table: `make export`."""

import sys
from collections.abc import Iterable, Iterator
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd

from normscope.job import UserError, atomic_write
from normscope.results.measures import QUANTITIES
from normscope.results.runs import Missing, Network

COLUMNS = ["run", "seed", "network", "quantity", "value"]
# Those of one network that ask for nothing else.
OF_A_NETWORK = {
    name: function
    for name, function in QUANTITIES.items()
    if [each.annotation for each in signature(function).parameters.values()]
    == [Network]
}


def tidy(results: Path) -> pd.DataFrame:
    """A row of COLUMNS for each number that the runs in the folder have.

    A quantity of many values has a row for each, called `quantity[place]`: the place is
    made of numbers from 1 on, or is a layer, or a column and the row's number.
    """
    rows = [
        (folder.parents[1].name, network.seed, network.name, quantity, value)
        for folder in sorted(
            path.parent for path in results.glob("*/seed*/*/network.pt")
        )
        for network in [Network(folder)]
        for quantity, value in quantities(network)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def quantities(network: Network) -> Iterator[tuple[str, float]]:
    """The names and values of what has been measured of the network."""
    for name, function in OF_A_NETWORK.items():
        try:
            found = function(network)
        except (Missing, UserError):  # it has no such file, or not yet
            continue
        for place, value in places(found):
            yield f"{name}{place}", float(value)


def places(found: object) -> Iterable[tuple[str, float]]:
    """The numbers of a quantity, with their places in it."""
    match found:
        case dict():
            return [(f"[{key}]", value) for key, value in found.items()]
        case pd.DataFrame():
            numbers = found.select_dtypes("number")
            return [
                (f"[{column}, {row}]", value)
                for column in numbers
                for row, value in enumerate(numbers[column], 1)
            ]
        case np.ndarray():
            return [
                (f"[{', '.join(str(index + 1) for index in place)}]", value)
                for place, value in np.ndenumerate(found)
            ]
        case _:
            return [("", found)]


def main(results: str, output: str) -> None:
    """Write the table of the runs in the folder as CSV; exit with 1 if it has none."""
    table = tidy(Path(results))
    if table.empty:
        sys.exit(f"{results} holds no run with a trained network; run make first")
    with atomic_write(output) as path:
        table.to_csv(path, index=False)
    print(f"{output}: {len(table):,} numbers of {table.run.nunique()} runs")


if __name__ == "__main__":
    main(*sys.argv[1:])

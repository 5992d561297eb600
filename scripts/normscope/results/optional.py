"""Tables that only some runs have."""

from pathlib import Path

import pandas as pd

from normscope import tables
from normscope.results.runs import Missing, Network


def table(network: Network, name: str, columns: tables.Columns) -> pd.DataFrame:
    """The network's table of that name; raises Missing where the run has none."""
    if not Path(network.file(name)).exists():
        raise Missing(f"this run has no {name} of {network.name.replace('_', ' ')}")
    return tables.read(network.file(name), columns)

"""Files that only some runs have."""

from pathlib import Path

import pandas as pd

from normscope import tables
from normscope.results.runs import Missing, Network


def file(network: Network, name: str) -> str:
    """The path of the network's file of that name; raises Missing without one."""
    path = network.file(name)
    if not Path(path).exists():
        raise Missing(
            f"this run has no {name} of {network.name.replace('_', ' ')}; "
            "configs/beyond.yaml says which keys make it"
        )
    return path


def table(network: Network, name: str, columns: tables.Columns) -> pd.DataFrame:
    """The network's table of that name; raises Missing where the run has none."""
    return tables.read(file(network, name), columns)

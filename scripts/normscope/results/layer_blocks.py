"""The largest eigenvalue of each layer's own block of the Hessian."""

import pandas as pd

from normscope import tables
from normscope.reading import reading
from normscope.results import optional
from normscope.results.curvature import largest_eigenvalue
from normscope.results.runs import Network

COLUMNS = {
    "layer": str,
    "parameters": int,
    "largest_eigenvalue": float,
    "residual": float,
}


def layer_blocks(network: Network) -> pd.DataFrame:
    """A row of COLUMNS for each layer that has parameters, in their order."""
    path = optional.file(network, "layers.csv")
    table = tables.read(path, dict.fromkeys(COLUMNS, "text"))
    with reading(path, "a whole layers.csv of this version"):
        return table.astype(COLUMNS)


def largest_block_to_whole(network: Network) -> float:
    """The largest eigenvalue of any layer's block over that of the whole Hessian."""
    blocks = layer_blocks(network).largest_eigenvalue
    return float(blocks.abs().max() / largest_eigenvalue(network))

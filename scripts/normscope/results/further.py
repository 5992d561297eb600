"""Files that only runs with config section curvature have."""

from pathlib import Path

from normscope.results.runs import Missing, Network


def further_file(network: Network, name: str) -> str:
    """The path of the network's file of that name; raises Missing without one."""
    path = network.file(name)
    if not Path(path).exists():
        raise Missing(
            f"this run has no {name}; give it a section curvature, as "
            "configs/beyond.yaml does"
        )
    return path

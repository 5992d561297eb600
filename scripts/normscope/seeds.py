"""The seeds of a run: their files, by the role that each has in the argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from normscope import store, tables
from normscope.roles import experiment_roles, network_roles


class Missing(Exception):
    """Why a quantity cannot be measured in this run."""


@dataclass(frozen=True)
class Seed:
    """One seed of a run: its folder, and its networks and experiments by their role.

    `variants` are the settings of all networks by name; there are so many `classes`.
    """

    folder: Path
    networks: Mapping[str, str]
    experiments: Mapping[str, str]
    variants: Mapping[str, Mapping]
    classes: int

    def network(self, role: str, name: str) -> str:
        """Path of a file of the network that has this role."""
        if role not in self.networks:
            raise Missing(f"no network of this run is {role.replace('_', ' ')}")
        return str(self.folder / self.networks[role] / name)

    def stress(self, role: str) -> pd.DataFrame:
        """Stress test of the network that has this role."""
        self.network(role, "")
        return tables.read(str(self.folder / f"lr_stress/{self.networks[role]}.csv"))

    def training(self, role: str) -> pd.DataFrame:
        """Epochs of the network that has this role."""
        return tables.read(self.network(role, "training.csv"))

    def overlaps(self, role: str) -> pd.DataFrame:
        """Overlaps of the network that has this role."""
        return tables.read(self.network(role, "overlaps.csv"))

    def untrained(self, role: str) -> tuple[Mapping[str, np.ndarray], list[str]]:
        """Statistics of the experiment that has this role, and its layers in order."""
        if role not in self.experiments:
            raise Missing(f"no experiment of this run is {role}")
        path = self.folder / f"initialisation/{self.experiments[role]}.h5"
        arrays, attributes = read(str(path))
        return arrays, list(attributes["layers"])


@cache
def read(path: str, *names: str) -> tuple[dict[str, np.ndarray], dict]:
    """What `store.read` returns; once, as many quantities are of one file."""
    return store.read(path, *names)


def seeds_of(job: SimpleNamespace) -> list[Seed]:
    """The seeds of the job's run, with its networks and experiments by their role."""
    networks, experiments = job.params.networks, job.params.experiments
    return [
        Seed(
            folder=Path(job.input.dataset).parent / f"seed{seed}",
            networks=network_roles(networks),
            experiments=experiment_roles(experiments),
            variants=networks,
            classes=len(store.attributes(job.input.dataset)["classes"]),
        )
        for seed in job.params.seeds
    ]

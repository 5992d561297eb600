"""Results of a run: its networks and experiments at each seed, and their files."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from normscope import store
from normscope.results.roles import experiment_roles, network_roles

# Cached, as many quantities read the same file.
read = cache(store.read)
read_groups = cache(store.group_attributes)


class Missing(Exception):
    """Why a quantity cannot be measured in this run."""


@dataclass(frozen=True)
class Network:
    """The results of one network at one seed, in the folder seed<seed>/<network>.

    `settings` are its own of the config, for what depends on them.
    """

    folder: Path
    settings: Mapping = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def seed(self) -> int:
        return int(self.folder.parent.name.removeprefix("seed"))

    @property
    def classes(self) -> int:
        """The number of classes in the run's data set."""
        _, attributes = read(str(self.folder.parents[1] / "dataset.h5"), "test/labels")
        return len(attributes["classes"])

    def file(self, name: str) -> str:
        """The path of its file of that name."""
        return str(self.folder / name)

    def stress_file(self) -> str:
        """The path of its stress test."""
        return str(self.folder.parent / f"lr_stress/{self.name}.csv")

    def held_file(self) -> str:
        """The path of its training at held learning rates."""
        return str(self.folder.parent / f"lr_held/{self.name}.csv")


@dataclass(frozen=True)
class Experiment:
    """The statistics of one network as it was built, or of many chains of which
    `chain` picks one by its number.
    """

    path: Path
    chain: int | None = None

    @property
    def attributes(self) -> dict:
        """The attributes of its file."""
        return read(str(self.path))[1]

    @property
    def layers(self) -> list[str]:
        """The names of all layers, in order; of chains, those that are shown."""
        return list(self.attributes["layers"])

    def layer(self, name: str) -> dict:
        """The data sets of the layer, of the chain that is picked; raises Missing where
        the file has none.
        """
        found = store.group(read(str(self.path))[0], name)
        if not found:
            raise Missing(f"experiment {self.path.stem} has no {name}")
        if self.chain is None:
            return found
        return {key: values[self.chain] for key, values in found.items()}


@dataclass(frozen=True)
class Seed:
    """One seed of a run: its folder, the names of its networks and experiments by their
    role, and the settings of its networks by name.
    """

    folder: Path
    networks: Mapping[str, str]
    experiments: Mapping[str, str]
    variants: Mapping[str, Mapping]

    def network(self, role: str) -> Network:
        """The network that has this role; raises Missing where none has."""
        if role not in self.networks:
            raise Missing(f"no network of this run is {role.replace('_', ' ')}")
        name = self.networks[role]
        return Network(self.folder / name, self.variants.get(name, {}))

    def experiment(self, role: str) -> Experiment:
        """The experiment that has this role; raises Missing where none has."""
        if role not in self.experiments:
            raise Missing(f"no experiment of this run is {role}")
        return Experiment(self.folder / f"initialisation/{self.experiments[role]}.h5")


@dataclass(frozen=True)
class Chains(Seed):
    """Untrained chains, asked like a seed that has no networks and no conv nets.

    `chain` is the number of one of each kind; None stands for all of them at once, of
    which quantities are arrays.
    """

    chain: int | None = None

    def network(self, role: str) -> Network:
        raise Missing(f"untrained chains have no network {role.replace('_', ' ')}")

    def experiment(self, role: str) -> Experiment:
        if role not in self.experiments:
            raise Missing(f"no experiment of this run is a chain {role}")
        path = self.folder / f"chains/{self.experiments[role]}.h5"
        return Experiment(path, self.chain)


def seeds_of(job: SimpleNamespace) -> list[Seed]:
    """The seeds of the job's run, with its networks and experiments by their role."""
    networks, experiments = job.params.networks, job.params.experiments
    return [
        Seed(
            folder=Path(job.input.dataset).parent / f"seed{seed}",
            networks=network_roles(networks),
            experiments=experiment_roles(experiments),
            variants=networks,
        )
        for seed in job.params.seeds
    ]


def all_chains_of(job: SimpleNamespace) -> list[Seed]:
    """All untrained chains of the job's run at once, as one seed."""
    settings = job.params.experiments
    roles = experiment_roles(settings)
    kinds = {role: name for role, name in roles.items() if "depth" in settings[name]}
    return [Chains(Path(job.input.dataset).parent, {}, kinds, {})]


def chains_of(job: SimpleNamespace) -> list[Seed]:
    """The untrained chains of the job's run, one by one."""
    (together,) = all_chains_of(job)
    return [replace(together, chain=number) for number in range(job.params.chains)]


def networks_of(paths: Iterable[str]) -> list[Network]:
    """The network of each path, seed<seed>/<network>/* or lr_<test>/<network>.csv."""
    return [
        Network(path.parents[1] / path.stem)
        if path.parent.name in ("lr_stress", "lr_held")
        else Network(path.parent)
        for path in map(Path, paths)
    ]


def collect(
    networks: Iterable[Network], read_table: Callable[[Network], pd.DataFrame]
) -> pd.DataFrame:
    """The tables of all networks as one, with columns for their seed and name."""
    return pd.concat(
        [
            read_table(network).assign(seed=network.seed, network=network.name)
            for network in networks
        ],
        ignore_index=True,
    )


def medians(
    networks: Iterable[Network], quantity: Callable[[Network], float]
) -> dict[str, float]:
    """The quantity of each network by name, the median over its seeds."""
    values: dict[str, list[float]] = {}
    for network in networks:
        values.setdefault(network.name, []).append(quantity(network))
    return {name: float(np.median(found)) for name, found in values.items()}

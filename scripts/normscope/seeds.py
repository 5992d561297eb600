"""The seeds of a run: their files, by the part that each has in the argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from normscope import store, tables


class Missing(Exception):
    """Why a quantity cannot be measured in this run."""


@dataclass(frozen=True)
class Seed:
    """One seed of a run: its folder, and its networks and experiments by their part.

    `variants` are the settings of all networks by name; there are so many `classes`.
    """

    folder: Path
    networks: Mapping[str, str]
    experiments: Mapping[str, str]
    variants: Mapping[str, Mapping]
    classes: int

    def network(self, part: str, name: str) -> str:
        """Path of a file of the network that has this part."""
        if part not in self.networks:
            raise Missing(f"no network of this run is {part.replace('_', ' ')}")
        return str(self.folder / self.networks[part] / name)

    def stress(self, part: str) -> pd.DataFrame:
        """Stress test of the network that has this part."""
        self.network(part, "")
        return tables.read(str(self.folder / f"lr_stress/{self.networks[part]}.csv"))

    def training(self, part: str) -> pd.DataFrame:
        """Epochs of the network that has this part."""
        return tables.read(self.network(part, "training.csv"))

    def overlaps(self, part: str) -> pd.DataFrame:
        """Overlaps of the network that has this part."""
        return tables.read(self.network(part, "overlaps.csv"))

    def untrained(self, part: str) -> tuple[Mapping[str, np.ndarray], list[str]]:
        """Statistics of the experiment that has this part, and its layers in order."""
        if part not in self.experiments:
            raise Missing(f"no experiment of this run is {part}")
        path = self.folder / f"initialisation/{self.experiments[part]}.h5"
        arrays, attributes = read(str(path))
        return arrays, list(attributes["layers"])


@cache
def read(path: str, *names: str) -> tuple[dict[str, np.ndarray], dict]:
    """What `store.read` returns; once, as many quantities are of one file."""
    return store.read(path, *names)


def seeds_of(job: SimpleNamespace) -> list[Seed]:
    """The seeds of the job's run, with its networks and experiments by their part."""
    networks, experiments = job.params.networks, job.params.experiments
    return [
        Seed(
            folder=Path(job.input.dataset).parent / f"seed{seed}",
            networks=network_parts(networks),
            experiments=experiment_parts(experiments),
            variants=networks,
            classes=len(store.attributes(job.input.dataset)["classes"]),
        )
        for seed in job.params.seeds
    ]


def network_parts(variants: Mapping[str, Mapping]) -> dict[str, str]:
    """The first network of the config for each part in the article's argument."""

    def part(variant: Mapping) -> str | None:
        if "freeze" in variant:
            source = part(variants[variant["freeze"]])
            return {"batch_norm": "frozen", "post": "frozen_post"}[source]
        if variant["norm"] == "batch":
            is_after = variant["norm_position"] == "after_activation"
            return "post" if is_after else "batch_norm"
        return variant["norm"] if variant["norm"] == "none" else None

    return _first({name: part(variant) for name, variant in variants.items()})


def experiment_parts(experiments: Mapping[str, Mapping]) -> dict[str, str]:
    """The first experiment of the config for each part in the article's argument."""

    def part(experiment: Mapping) -> str | None:
        if "depth" in experiment:
            chain = experiment["activation"]
            return "scaled" if chain == "scaled_relu" else chain
        if experiment["norm_position"] == "after_activation":
            return None
        place = experiment["norm"], experiment["inputs"], experiment["frozen"]
        return {
            ("none", "gaussian", False): "noise",
            ("none", "images", False): "images",
            ("batch", "images", False): "batch",
            ("batch", "images", True): "fixed",
        }.get(place)

    return _first({name: part(settings) for name, settings in experiments.items()})


def _first(parts: Mapping[str, str | None]) -> dict[str, str]:
    named = [(part, name) for name, part in parts.items() if part]
    return dict(reversed(named))

"""The roles that networks and experiments have in the article's argument.

A role follows from the settings; a name decides nothing.
"""

from collections.abc import Mapping
from typing import Any

# What a line of a network of the article may say.
OF_ARTICLE = {"norm", "norm_position", "max_lr"}
# Frozen copies, by the network that they copy.
COPIES = {"batch_norm": "frozen", "post": "frozen_post"}


def network_roles(variants: Mapping[str, Mapping]) -> dict[str, str]:
    """The first network of the config for each role that one has.

    Roles are `none` (no norm), `batch_norm` (active, before the activation, at another
    max_lr than `none` where there is one), `batch_norm_low_rate` (another such, at the
    max_lr of `none`), `post` (active, after the activation), and `frozen` and
    `frozen_post`, the copies of `batch_norm` and `post`. A variant that the article
    does not have, with another key, has none.
    """

    def kind(variant: Mapping) -> str | None:
        if variant.keys() - OF_ARTICLE:
            return None
        if variant["norm"] == "batch":
            is_after = variant["norm_position"] == "after_activation"
            return "post" if is_after else "batch_norm"
        return variant["norm"] if variant["norm"] == "none" else None

    found = _first({name: kind(variant) for name, variant in variants.items()})
    if "batch_norm" in found:
        rates = {name: variant.get("max_lr") for name, variant in variants.items()}
        low = rates[found["none"]] if "none" in found else None
        active = [name for name in variants if kind(variants[name]) == "batch_norm"]
        first, *others = sorted(active, key=lambda name: rates[name] == low)
        found["batch_norm"] = first
        at_low = [name for name in others if rates[name] == low]
        found |= _first(dict.fromkeys(at_low, "batch_norm_low_rate"))
    copied = {found[role]: copy for role, copy in COPIES.items() if role in found}
    return found | _first(
        {name: copied.get(variant.get("freeze")) for name, variant in variants.items()}
    )


def title_roles(variants: Mapping[str, Mapping]) -> dict[str, str]:
    """Whom the titles of figures name: the networks that have a role.

    Where none is `frozen`, the first copy with stored statistics stands for it, and the
    network that it copies for `batch_norm`: this is the pair that the config compares.
    """
    found = network_roles(variants)
    copies = (name for name, variant in variants.items() if "freeze" in variant)
    if "frozen" not in found and (copy := next(copies, None)):
        found |= {"batch_norm": variants[copy]["freeze"], "frozen": copy}
    return found


def experiment_roles(experiments: Mapping[str, Mapping]) -> dict[str, str]:
    """The first experiment of the config for each role that one has.

    Roles are the chains `relu`, `linear` and `scaled`, and the conv net on `noise`, on
    `images`, with `batch` norm, and with it `fixed` on other images.
    """

    def role(experiment: Mapping) -> str | None:
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

    return _first({name: role(settings) for name, settings in experiments.items()})


def by_name(values: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Any]:
    """The values by the name that has each role in this config."""
    return {roles[role]: value for role, value in values.items() if role in roles}


def _first(roles: Mapping[str, str | None]) -> dict[str, str]:
    named = [(role, name) for name, role in roles.items() if role]
    return dict(reversed(named))

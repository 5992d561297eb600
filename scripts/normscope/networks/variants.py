"""The network that a line of the config describes."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.networks import conv_net

# Of a line, what is not of the network itself.
OF_TRAINING = ("max_lr", "training")


@runtime_checkable
class Architecture(Protocol):
    """All that is needed to build a network, by `build` of the module of its class.

    A dataclass. Of a network that is `frozen`, batch norm uses fixed statistics.
    """

    classes: int
    frozen: bool


def architecture(
    variant: Mapping, widths: Sequence[int], activation: str, classes: int, size: int
) -> Architecture:
    """What a network's line describes, for that many classes and images of `size`.

    Widths and activation are of the conv net alone.
    """
    own = {key: value for key, value in variant.items() if key not in OF_TRAINING}
    if "norm_layers" in own:
        last = {"logits": "classifier"}
        own["norm_layers"] = [last.get(name, name) for name in own["norm_layers"]]
    if "module" not in own:
        own |= {"widths": tuple(widths), "activation": activation}
    return of_settings(own | {"classes": classes, "size": size})


def of_settings(settings: Mapping) -> Architecture:
    """The architecture of these settings, which `asdict` gives again."""
    if "module" in settings:
        user_module = import_module("normscope.networks.user_module")
        return user_module.UserModule(**settings)
    lists = ("widths", "norm_layers")
    tuples = {key: tuple(settings[key]) for key in lists if settings.get(key)}
    return conv_net.Architecture(**settings | tuples)


def build(architecture: Architecture, rng: torch.Generator) -> nn.Module:
    """The network (N, 3, size, size) -> (N, classes), its weights drawn anew."""
    return import_module(type(architecture).__module__).build(architecture, rng)


def require_measurable(
    architecture: Architecture, network: nn.Module, images: Float[Tensor, "N C H W"]
) -> None:
    """Raise UserError where a user's own module cannot be measured, by some images."""
    if place := getattr(architecture, "module", None):
        checks = import_module("normscope.networks.module_checks")
        checks.require_measurable(network, place, images, architecture.classes)


def module_of(network: str, variants: Mapping[str, Mapping]) -> str | None:
    """The user's function that the config names for a network, or its original."""
    variant = variants.get(network, {})
    return variants.get(variant.get("freeze"), variant).get("module")

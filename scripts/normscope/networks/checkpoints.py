"""Weights on the way of a training, kept at some of its epochs."""

from collections.abc import Collection
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.networks.parameters import flatten, trainable
from normscope.reading import reading
from normscope.resume import State


class Kept(State):
    """The state of a training as `training.train` uses it, which keeps the network at
    the `epochs`; 0 is before the training.

    `found` has of each such epoch that is behind the network's `state`, the
    `learning_rate` of the last step and the `velocity`, the optimiser's momentum buffer
    (P,).
    """

    def __init__(self, state: State, epochs: Collection[int], network: nn.Module):
        super().__init__(state.path, state.made_by)
        self.epochs = epochs
        self.found: dict[int, dict[str, Any]] = {}
        if 0 in epochs:
            nothing = torch.zeros_like(flatten(trainable(network).values()).detach())
            self._keep(0, network.state_dict(), 0.0, nothing)

    def load(self) -> dict[str, Any] | None:
        """What `save` got last."""
        content = super().load()
        if content is None:
            return None
        self.found = content["found"]
        return content["training"]

    def save(self, training: dict[str, Any]) -> None:
        """Save the training, and keep the network where its epoch is one of those."""
        last = training["rows"][-1]
        if last["epoch"] in self.epochs:
            buffers = training["optimiser"]["state"].values()
            velocity = flatten(buffer["momentum_buffer"] for buffer in buffers)
            self._keep(
                last["epoch"], training["network"], last["learning_rate"], velocity
            )
        super().save({"training": training, "found": self.found})

    def _keep(self, epoch: int, state: dict, rate: float, velocity: Tensor) -> None:
        self.found[epoch] = {
            "state": {name: value.detach().clone() for name, value in state.items()},
            "learning_rate": rate,
            "velocity": velocity.clone(),
        }


def about(path: str) -> tuple[float, Float[Tensor, " P"]]:
    """Learning rate and velocity at the checkpoint in the file."""
    with reading(path, "a checkpoint of this version"):
        facts = torch.load(path, weights_only=True, map_location="cpu")["facts"]
        return facts["learning_rate"], facts["velocity"]

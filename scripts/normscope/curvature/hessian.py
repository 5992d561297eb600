"""The Hessian of the loss as an operator on parameter-sized vectors."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.curvature.krylov import Operator
from normscope.curvature.linearised_gradient import LinearisedGradient
from normscope.curvature.tracing import traced
from normscope.curvature.ways import ways
from normscope.images.datasets import Batch
from normscope.networks.losses import Loss
from normscope.networks.parameters import detached, flatten, unflatten

GIGABYTE = 2**30


class Hessian:
    """H = 1/B sum_b of the Hessian of L_b, with L_b the mean loss over batch b.

    `hessian(v)` is H v, for v on the parameters' device. Batches are never
    split, so active batch norm is differentiated through its statistics. As many
    batches as fit into `memory_gb`, with room for a product, keep what does not
    depend on v; the others compute it anew in each product. `ways` says which of the
    network's functions have rules, and which go through autograd.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        batches: Sequence[Batch],
        memory_gb: float,
    ) -> None:
        self.network, self.parameters = network, detached(network)
        self.dimension = sum(value.numel() for value in self.parameters.values())
        self.device = batches[0][0].device
        self.loss, self.batches = loss, batches
        self.graph = traced(network, batches[0][0])
        self.kept: list[LinearisedGradient] = []
        room = memory_gb * GIGABYTE
        for number, batch in enumerate(batches, 1):
            linearised = self._linearised(batch, reused=True)
            self.ways = ways(linearised.steps)
            room -= linearised.nbytes
            # A product's tangents take as much again, and so does a batch made anew.
            is_last = number == len(batches)
            if room < linearised.nbytes * (1 if is_last else 2):
                break
            self.kept.append(linearised)

    def __call__(self, vector: Float[Tensor, " P"]) -> Float[Tensor, " P"]:
        direction = unflatten(vector, self.parameters)
        total = torch.zeros_like(vector)
        for linearised in self.kept:
            total += flatten(linearised(direction).values())
        for batch in self.batches[len(self.kept) :]:
            # No name for it: the last one's memory is free when the next is made.
            total += flatten(self._linearised(batch, reused=False)(direction).values())
        return total / len(self.batches)

    def _linearised(self, batch: Batch, reused: bool) -> LinearisedGradient:
        images, labels = batch

        def loss(logits: Float[Tensor, "N K"]) -> Float[Tensor, ""]:
            return self.loss(logits, labels)

        return LinearisedGradient(self.graph, loss, images, reused)


class Projected:
    """P A P, with P the projection off the span of orthonormal rows."""

    def __init__(
        self, operator: Operator, rows: Float[Tensor, "m {operator.dimension}"]
    ) -> None:
        self.operator, self.rows = operator, rows
        self.dimension, self.device = operator.dimension, operator.device

    def __call__(self, vector: Float[Tensor, " P"]) -> Float[Tensor, " P"]:
        return self._off(self.operator(self._off(vector)))

    def _off(self, vector: Float[Tensor, " P"]) -> Float[Tensor, " P"]:
        return vector - self.rows.T @ (self.rows @ vector)


def mean_loss(network: nn.Module, loss: Loss, batches: Sequence[Batch]) -> float:
    """The loss whose Hessian this is: the mean over batches of each batch's mean."""
    with torch.no_grad():
        values = [loss(network(images), labels) for images, labels in batches]
    return torch.stack(values).mean().item()

"""Training with second-order steps: K-FAC, by curvlinops."""

import copy
from collections.abc import Callable, Sequence
from itertools import islice
from math import isfinite

import torch
from torch import Tensor, nn

from normscope.images.datasets import Batch, Dataset
from normscope.job import UserError
from normscope.networks import sgd
from normscope.networks.held_rates import endless, outcome

RENEWED = 10  # steps between looks at the curvature
DAMPING = 0.01  # added to the Kronecker product
# From gradients, a tensor each, to steps.
Precondition = Callable[[Sequence[Tensor]], Sequence[Tensor]]


def hold(
    network: nn.Module,
    dataset: Dataset,
    rate: float,
    settings: dict,
    batch: Batch,
    rng: torch.Generator,
) -> dict[str, float]:
    """Train in place as `held_rates.hold` does with cross-entropy, but for steps.

    Every gradient is multiplied by the inverse of the K-FAC approximation of the
    Gauss-Newton matrix on the batch, made anew every ten steps, before it goes into
    momentum; weight decay is apart from it, as in Zhang et al. 2019.
    """
    loss = nn.CrossEntropyLoss()
    weights = [w for w in network.parameters() if w.requires_grad]
    velocity = [torch.zeros_like(weight) for weight in weights]
    momentum, decay = settings["momentum"], settings["weight_decay"]
    network.train()
    met: list[Tensor] = []
    batches = endless(dataset, settings["batch_size"], rng)
    for step, (images, labels) in enumerate(islice(batches, settings["steps"])):
        if step % RENEWED == 0:
            if met and not isfinite(met[-1][0]):
                break
            precondition = kfac(network, loss, batch)
        logits = network(images)
        value = loss(logits, labels)
        moves = precondition(torch.autograd.grad(value, weights))
        met.append(torch.stack([value.detach(), sgd.accuracy(logits, labels)]))
        with torch.no_grad():
            for weight, move, v in zip(weights, moves, velocity, strict=True):
                move = move + decay * weight
                v.mul_(momentum).add_(move)
                weight -= rate * (move + momentum * v)
    return outcome(rate, met, settings["steps"])


def kfac(network: nn.Module, loss: nn.Module, batch: Batch) -> Precondition:
    """The inverse of K-FAC on the batch, with exact damping.

    In float64 where the device has it: in float32 the eigenvalues of factors with many
    that are nearly 0 may not be found. Raises UserError where curvlinops is not
    installed.
    """
    try:
        from curvlinops import KFACInverseLinearOperator, KFACLinearOperator
    except ImportError:
        raise UserError(
            "config key stability.second_order_rates needs curvlinops; run pip install "
            "--no-deps -r envs/beyond.txt, or leave the key out"
        ) from None
    images, labels = batch
    dtype = torch.float32 if images.device.type == "mps" else torch.float64
    finer = copy.deepcopy(network).to(dtype)
    matrix = KFACLinearOperator(
        finer,
        loss,
        [weight for weight in finer.parameters() if weight.requires_grad],
        [(images.to(dtype), labels)],
        check_deterministic=False,
        fisher_type="type-2",
    )
    inverse = KFACInverseLinearOperator(matrix, damping=DAMPING, use_exact_damping=True)

    def precondition(gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        steps = inverse @ [gradient.to(dtype) for gradient in gradients]
        return [step.to(like) for step, like in zip(steps, gradients, strict=True)]

    return precondition

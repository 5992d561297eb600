"""The generalised Gauss-Newton matrix as an operator on parameter-sized vectors."""

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature.first_order import first_order
from normscope.curvature.hessian import Hessian
from normscope.curvature.linearised_gradient import LinearisedGradient
from normscope.networks.parameters import flatten, unflatten


class GaussNewton:
    """G = 1/B sum_b J_b' H_b J_b (Schraudolph 2002), of a Hessian's network and loss.

    J_b is the Jacobian of batch b's outputs by the parameters, through the statistics
    of active batch norm, and H_b the Hessian of the batch's mean loss by the outputs.
    What the Hessian keeps serves both. A product costs less than the Hessian's: a pass
    of tangents forward and one of gradients backward.

    For cross-entropy with label smoothing s, H_b is (1 + s) times the covariance of the
    one-hot class under the predictions, so that G is 1 + s times the Fisher matrix.
    """

    def __init__(self, hessian: Hessian) -> None:
        self.hessian = hessian
        self.dimension, self.device = hessian.dimension, hessian.device

    def __call__(self, vector: Float[Tensor, " P"]) -> Float[Tensor, " P"]:
        direction = unflatten(vector, self.hessian.parameters)
        total = torch.zeros_like(vector)
        for number in range(len(self.hessian.batches)):
            # No name for it: the last one's memory is free when the next is made.
            product = first_order(self._linearised(number))(direction)
            total += flatten(product.values())
        return total / len(self.hessian.batches)

    def _linearised(self, number: int) -> LinearisedGradient:
        """Of that batch: kept, or made anew."""
        hessian = self.hessian
        if number < len(hessian.kept):
            return hessian.kept[number]
        images, labels = hessian.batches[number]

        def loss(logits: Float[Tensor, "N K"]) -> Float[Tensor, ""]:
            return hessian.loss(logits, labels)

        return LinearisedGradient(hessian.graph, loss, images, reused=False)

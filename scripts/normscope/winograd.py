"""Convolutions of 3 x 3 with half the multiplications, by transforms along the height.

Winograd's F(4, 3) (Lavin and Gray 2016) at the points 0, 1, -1, 2, -2 and infinity:
four rows of outputs are y = A (G w . B x), for the six rows of inputs x around them,
the three rows of weights w and a product of six terms. Here each term is a convolution
of 1 x 3, and the transforms are sums of whole rows. Every function is linear; an
adjoint is the transpose of the one it is named after. The six terms of all tiles are
stacked as (6, N, C, H/4, W), each channels last. H is a multiple of 4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from normscope import shapes

ROWS = 4  # of outputs in a tile
WEIGHTS = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)


def of_weights(w: Tensor) -> Tensor:
    """G w: (O, I, 3, 3) -> (6, O, I, 1, 3)."""
    shapes.check(w=(w, "O I 3 3"))
    return torch.einsum("sh,oihw->soiw", w.new_tensor(WEIGHTS), w)[:, :, :, None]


def of_weights_adjoint(six: Tensor) -> Tensor:
    """(6, O, I, 1, 3) -> (O, I, 3, 3)."""
    shapes.check(six=(six, "6 O I 1 3"))
    return torch.einsum("sh,soiw->oihw", six.new_tensor(WEIGHTS), six[:, :, :, 0])


def of_inputs(x: Tensor) -> Tensor:
    """B x, of inputs that are padded by 1: (N, C, H, W) -> (6, N, C, H/4, W)."""
    shapes.check(x=(x, "N C H W"))
    height = x.shape[2]
    padded = F.pad(x, (0, 0, 1, 1))
    r0, r1, r2, r3, r4, r5 = (
        padded[:, :, first : first + height : ROWS] for first in range(6)
    )
    six = _empty(x, height // ROWS, 6)
    _sum_and_difference(r4.sub(r2, alpha=4), r3.sub(r1, alpha=4), six[1], six[2])
    _sum_and_difference(r4 - r2, (r3 - r1).mul_(2), six[3], six[4])
    torch.mul(r0, 4, out=six[0]).sub_(r2, alpha=5).add_(r4)
    torch.mul(r1, 4, out=six[5]).sub_(r3, alpha=5).add_(r5)
    return six


def of_inputs_adjoint(six: Tensor) -> Tensor:
    """(6, N, C, H/4, W) -> (N, C, H, W)."""
    shapes.check(six=(six, "6 N C h W"))
    ones, difference = six[1] + six[2], six[1] - six[2]
    twos, doubled = six[3] + six[4], six[3].sub(six[4]).mul_(2)
    x, r1, r2, r3, r4 = _empty_rows(six)
    torch.mul(six[5], 4, out=r1).sub_(difference, alpha=4).sub_(doubled)
    torch.mul(six[0], -5, out=r2).sub_(ones, alpha=4).sub_(twos)
    torch.mul(six[5], -5, out=r3).add_(difference).add_(doubled)
    torch.add(six[0], ones, out=r4).add_(twos)
    # The first and last rows of a tile of inputs lie in its neighbours.
    r4[:, :, :-1].add_(six[0, :, :, 1:], alpha=4)
    r1[:, :, 1:].add_(six[5, :, :, :-1])
    return x


def of_outputs(six: Tensor) -> Tensor:
    """A y: (6, N, C, H/4, W) -> (N, C, H, W)."""
    shapes.check(six=(six, "6 N C h W"))
    ones, difference = six[1] + six[2], six[1] - six[2]
    twos, doubled = six[3] + six[4], six[3].sub(six[4]).mul_(2)
    y, r0, r1, r2, r3 = _empty_rows(six)
    torch.add(six[0], ones, out=r0).add_(twos)
    torch.add(difference, doubled, out=r1)
    torch.add(ones, twos, alpha=4, out=r2)
    torch.add(six[5], difference, out=r3).add_(doubled, alpha=4)
    return y


def of_outputs_adjoint(y: Tensor) -> Tensor:
    """(N, C, H, W) -> (6, N, C, H/4, W)."""
    shapes.check(y=(y, "N C H W"))
    r0, r1, r2, r3 = (y[:, :, row::ROWS] for row in range(ROWS))
    six = _empty(y, y.shape[2] // ROWS, 6)
    _sum_and_difference(r0 + r2, r1 + r3, six[1], six[2])
    doubled = r1.add(r3, alpha=4).mul_(2)
    _sum_and_difference(r0.add(r2, alpha=4), doubled, six[3], six[4])
    six[0], six[5] = r0, r3
    return six


def _sum_and_difference(a: Tensor, b: Tensor, total: Tensor, rest: Tensor) -> None:
    torch.add(a, b, out=total)
    torch.sub(a, b, out=rest)


def _empty(like: Tensor, height: int, *stack: int) -> Tensor:
    """(*stack, N, C, height, W), channels last."""
    images, channels, _, width = like.shape
    return like.new_empty(*stack, images, height, width, channels).movedim(-1, -3)


def _empty_rows(six: Tensor) -> tuple[Tensor, ...]:
    """Images (N, C, H, W), and views of the first to the last row of each tile."""
    y = _empty(six[0], ROWS * six.shape[3])
    return y, *(y[:, :, row::ROWS] for row in range(ROWS))

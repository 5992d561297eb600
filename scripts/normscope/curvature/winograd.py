"""Convolutions of 3 x 3 with half the multiplications, by transforms along the height.

Winograd's F(4, 3) (Lavin and Gray 2016) at the points 0, 1, -1, 2, -2 and infinity:
four rows of outputs are y = A (G w . B x), for the six rows of inputs x around them,
the three rows of weights w and a product of six terms. The transforms are sums of whole
rows. Every function is linear. The six terms of all tiles are stacked as
(6, N, C, H/4, W), each channels last. H is a multiple of 4. `winograd_tiles` goes on
along the width.
"""

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "N C H W"]
Terms = Float[Tensor, "6 N C h W"]

ROWS = 4  # of outputs in a tile
INPUTS = (  # B
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
WEIGHTS = (  # G
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
OUTPUTS = (  # A
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


def of_inputs(x: Images) -> Float[Tensor, "6 N C H//4 W"]:
    """B x, of inputs that are padded by 1."""
    six, (r1, r2, r3, r4) = _empty_terms(x), _rows(x)
    torch.sub(r4, r2, alpha=5, out=six[0])
    torch.sub(r4, r2, alpha=4, out=six[1])
    torch.sub(r3, r1, alpha=4, out=six[2])
    _sum_and_difference(six[1], six[2])
    torch.sub(r4, r2, out=six[3])
    torch.sub(r3, r1, out=six[4])
    _sum_and_difference(six[3], six[4], 2)
    torch.mul(r1, 4, out=six[5]).sub_(r3, alpha=5)
    # The first and last rows of a tile of inputs lie in its neighbours.
    six[0, :, :, 1:].add_(r4[:, :, :-1], alpha=4)
    six[5, :, :, :-1].add_(r1[:, :, 1:])
    return six


def of_inputs_adjoint(six: Terms) -> Float[Tensor, "N C 4*h W"]:
    """The transpose of `of_inputs`."""
    x = _from_terms(six.new_tensor(INPUTS)[:, 1:5].T, six)
    r1, _, _, r4 = _rows(x)
    r4[:, :, :-1].add_(six[0, :, :, 1:], alpha=4)
    r1[:, :, 1:].add_(six[5, :, :, :-1])
    return x


def of_outputs(six: Terms) -> Float[Tensor, "N C 4*h W"]:
    """A of the six terms."""
    return _from_terms(six.new_tensor(OUTPUTS), six)


def of_outputs_adjoint(y: Images) -> Float[Tensor, "6 N C H//4 W"]:
    """The transpose of `of_outputs`."""
    six, (r0, r1, r2, r3) = _empty_terms(y), _rows(y)
    torch.add(r0, r2, out=six[1])
    torch.add(r1, r3, out=six[2])
    _sum_and_difference(six[1], six[2])
    torch.add(r0, r2, alpha=4, out=six[3])
    torch.add(r1, r3, alpha=4, out=six[4])
    _sum_and_difference(six[3], six[4], 2)
    six[0], six[5] = r0, r3
    return six


def _sum_and_difference(a: Tensor, b: Tensor, factor: float = 1) -> None:
    """Replace a and b by a + factor x b and a - factor x b."""
    a.add_(b, alpha=factor)
    torch.sub(a, b, alpha=2 * factor, out=b)


def _rows(x: Images) -> tuple[Float[Tensor, "N C H//4 W"], ...]:
    """Views of the first to the last row of each tile."""
    return tuple(x[:, :, row::ROWS] for row in range(ROWS))


def _empty_terms(x: Images) -> Float[Tensor, "6 N C H//4 W"]:
    images, channels, height, width = x.shape
    shape = (6, images, height // ROWS, width, channels)
    return x.new_empty(shape).movedim(-1, -3)


def _from_terms(matrix: Float[Tensor, "4 6"], six: Terms) -> Float[Tensor, "N C 4*h W"]:
    """A tile's four rows by the matrix, in one pass over the terms."""
    _, images, channels, tiles, width = six.shape
    terms = six.movedim(-3, -1).reshape(6, images * tiles, width * channels)
    matrices = matrix.expand(images * tiles, ROWS, 6)
    y = torch.bmm(matrices, terms.transpose(0, 1))
    return y.view(images, ROWS * tiles, width, channels).movedim(-1, 1)

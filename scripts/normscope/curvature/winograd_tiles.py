"""Convolutions of 3 x 3 with a quarter of the multiplications: F(4 x 4, 3 x 3).

Winograd's transforms along the height (`winograd`), and once more along the width, turn
a tile of 4 x 4 outputs into 36 products of numbers, and the tiles of all images and
channels into 36 products of matrices (Lavin and Gray 2016). Terms are stacked as
(36, M, C), for the M tiles of all images. Heights and widths are multiples of 4.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from normscope.curvature import winograd
from normscope.curvature.winograd import ROWS

Images, Weights = Float[Tensor, "N C H W"], Float[Tensor, "O I 3 3"]
Terms, Factors = Float[Tensor, "36 M C"], Float[Tensor, "36 O I"]


def of_weights(w: Weights) -> Factors:
    """The factor of each term."""
    outputs, inputs = w.shape[:2]
    columns = w.permute(3, 2, 0, 1).reshape(9, outputs * inputs)
    return (_both_ways(w) @ columns).view(36, outputs, inputs)


def of_weights_adjoint(factors: Factors) -> Weights:
    """The transpose of `of_weights`."""
    _, outputs, inputs = factors.shape
    columns = _both_ways(factors).T @ factors.reshape(36, outputs * inputs)
    return columns.view(3, 3, outputs, inputs).permute(2, 3, 1, 0)


def of_inputs(x: Images) -> Terms:
    """Those of inputs, padded by 1."""
    return _terms(winograd.of_inputs, x)


def of_inputs_adjoint(terms: Terms, height: int, width: int) -> Images:
    """The transpose of `of_inputs`."""
    return _images(winograd.of_inputs_adjoint, terms, height, width)


def of_outputs(terms: Terms, height: int, width: int) -> Images:
    """The outputs of the terms' products."""
    return _images(winograd.of_outputs, terms, height, width)


def of_outputs_adjoint(y: Images) -> Terms:
    """The transpose of `of_outputs`."""
    return _terms(winograd.of_outputs_adjoint, y)


def _both_ways(like: Tensor) -> Float[Tensor, "36 9"]:
    matrix = like.new_tensor(winograd.WEIGHTS)
    return torch.kron(matrix, matrix)


def _terms(along_height: Callable[[Images], Tensor], x: Images) -> Terms:
    six = along_height(x)
    turned = six.flatten(0, 1).transpose(2, 3)
    return along_height(turned).movedim(2, -1).reshape(36, -1, x.shape[1])


def _images(
    along_height: Callable[[Tensor], Images], terms: Terms, height: int, width: int
) -> Images:
    tiles = (width // ROWS, height // ROWS)
    turned = along_height(terms.view(6, -1, *tiles, terms.shape[2]).movedim(-1, 2))
    return along_height(turned.transpose(2, 3).unflatten(0, (6, -1)))

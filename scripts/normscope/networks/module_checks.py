"""What a user's module must do to be measured, tried on a few images."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from normscope.job import UserError

CLOSE = 1e-3  # of the largest output: kernels may round otherwise for other batches


@torch.no_grad()
def require_measurable(
    network: nn.Module, place: str, images: Float[Tensor, "N C H W"], classes: int
) -> None:
    """Raise UserError, naming the `place` of the module, where its outputs are not
    (N, classes), not finite, not the same each time, or in evaluation mode of an image
    depend on the others of its batch.

    The module stays in the mode in which it is.
    """
    was_training = network.training
    network.eval()
    try:
        _try(network, place, images, classes)
    finally:
        network.train(was_training)


def require_shape(outputs: object, images: int, classes: int) -> None:
    """Raise UserError where these are not a tensor (images, classes)."""
    expected = (images, classes)
    if not isinstance(outputs, Tensor) or outputs.shape != expected:
        shape = tuple(getattr(outputs, "shape", ())) or type(outputs).__name__
        raise UserError(
            f"for {images} images of {classes} classes its outputs are {shape}; let "
            f"them be {expected}"
        )


def _try(
    network: nn.Module, place: str, images: Float[Tensor, "N C H W"], classes: int
) -> None:
    outputs = _outputs(network, place, images)
    try:
        require_shape(outputs, len(images), classes)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    if not outputs.isfinite().all():
        raise UserError(f"{place}: its outputs are not finite before training")

    def differs(others: Tensor) -> bool:
        return bool((others - outputs).abs().max() > CLOSE * outputs.abs().max())

    if differs(_outputs(network, place, images)):
        raise UserError(
            f"{place}: in evaluation mode it gives other outputs for the same images; "
            "let it draw random numbers in training mode alone"
        )
    half = len(images) // 2
    swapped = torch.cat([images[:half], -images[half:]])
    others = _outputs(network, place, swapped)
    if differs(torch.cat([others[:half], outputs[half:]])):
        raise UserError(
            f"{place}: in evaluation mode the outputs of an image depend on the others "
            "of its batch; only batch norm may mix images, in training mode"
        )


def _outputs(run: Callable, place: str, images: Tensor) -> object:
    try:
        return run(images)
    except Exception as error:
        line = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise UserError(
            f"{place} fails on images {tuple(images.shape)}: {line}"
        ) from error

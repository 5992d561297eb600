"""The article's original activation."""

from jaxtyping import Float
from torch import Tensor, nn

Entries = Float[Tensor, "*sizes"]


class ReLU(nn.ReLU):
    """The article's original activation, with the derivatives that it has."""

    def derivatives(self, x: Entries) -> tuple[Entries, None]:
        """The first derivative; the second is 0 wherever it exists."""
        return (x > 0).to(x.dtype), None


build = ReLU

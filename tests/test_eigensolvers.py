"""The methods that `make bench` compares, as far as they need no package of a peer."""

import numpy as np
import pytest
from eigensolvers import METHODS, TOLERANCE, worst_residual


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_methods_give_the_same_pairs_to_the_tolerance(norm, tiny, batches):
    network = tiny(norm=norm).float()
    data = [(images.float(), labels) for images, labels in batches()]
    names = ("normscope", "normscope, one start", "double backward + eigsh")
    found = [METHODS[name](network, data, 4) for name in names]
    for values, vectors, products in found:
        np.testing.assert_allclose(np.sort(values), np.sort(found[0][0]), rtol=1e-3)
        assert worst_residual(network, data, values, vectors) < 1.1 * TOLERANCE
        assert products > 4

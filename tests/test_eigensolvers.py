"""The methods that `make bench` compares, as far as they need no package of a peer."""

import bench_networks
import numpy as np
import pytest
from eigensolvers import METHODS, TOLERANCE, Loss, worst_residual

from normscope.curvature.hessian import Hessian


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_methods_give_the_same_pairs_to_the_tolerance(norm, tiny, batches):
    network = tiny(norm=norm).float()
    data = [(images.float(), labels) for images, labels in batches()]
    names = (
        "normscope",
        "normscope, one start",
        "double backward + eigsh",
        "jvp of the gradient + eigsh",
    )
    found = [METHODS[name](network, data, 4) for name in names]
    for values, vectors, products, _ in found:
        np.testing.assert_allclose(np.sort(values), np.sort(found[0][0]), rtol=1e-3)
        assert worst_residual(network, data, values, vectors) < 1.1 * TOLERANCE
        assert products > 4


def test_a_transformer_of_the_benchmark_is_differentiated_by_rules_alone():
    network, data = bench_networks.build("transformer")
    assert "autograd" not in Hessian(network, Loss(), data, memory_gb=1.0).ways

"""Sizes that signatures say: checked in the tests, and of no cost to a job."""

import os
import subprocess
import sys

import pytest
import torch
from jaxtyping import TypeCheckError
from running import ROOT

from normscope.curvature import subspaces, winograd, winograd_tiles
from normscope.curvature.hessian import Projected
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.images import datasets
from normscope.images.labelled import colour_statistics
from normscope.networks import losses
from normscope.outputs import densities, moments

ONE, TWO, FOUR = torch.zeros(3), torch.zeros(2, 3), torch.zeros(2, 1, 32, 32)
ROWS = torch.zeros(2).long()


class Shrinking:
    """An operator whose products are of another size."""

    dimension, device = 5, torch.device("cpu")

    def __call__(self, vector):
        return torch.zeros(4)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("outputs", lambda: moments.moments(ONE)),
        ("values", lambda: densities.kernel_densities(ONE)),
        ("gram", lambda: subspaces.squared_overlaps(TWO.double(), TWO.double(), ROWS)),
        (
            "labels",
            lambda: losses.smoothed_cross_entropy(TWO, torch.zeros(3).long(), 0.5),
        ),
        ("images", lambda: datasets.augmented(FOUR.byte(), torch.Generator())),
        ("images", lambda: datasets.Split(FOUR, torch.zeros(2).long())),
        ("images", lambda: colour_statistics(FOUR.byte().numpy())),
        ("rows", lambda: Projected(Shrinking(), TWO)),
        ("w", lambda: winograd_tiles.of_weights(FOUR)),
        (
            "product",
            lambda: leading_eigenpairs(Shrinking(), 2, 1e-3, torch.Generator()),
        ),
    ],
)
def test_a_tensor_of_the_wrong_sizes_is_named(name, call):
    with pytest.raises(TypeCheckError, match=f"checking parameter '{name}'"):
        call()


def test_what_is_returned_is_checked_too(monkeypatch):
    monkeypatch.setattr(winograd, "WEIGHTS", winograd.WEIGHTS[:5])
    with pytest.raises(TypeCheckError, match=r"return value of .*\._both_ways"):
        winograd_tiles.of_weights(torch.zeros(2, 2, 3, 3))


def test_a_job_checks_nothing():
    """Its functions are as they were written, and beartype is not there."""
    code = """
import sys
from normscope.curvature import hessian, subspaces
from normscope.images import datasets
functions = [subspaces.inner_products, hessian.Hessian.__call__, datasets.augmented]
assert not any(hasattr(function, "__wrapped__") for function in functions)
assert not sys.modules.keys() & {"beartype", "jax", "typeguard"}
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)

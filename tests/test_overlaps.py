"""The columns of overlaps.csv, from gradients made by hand."""

import numpy as np
import pytest
import torch

from normscope.curvature.overlaps import overlap_columns
from normscope.outputs.names import MOMENTS

X, Y, Z, W, *OTHERS = torch.eye(64).unbind()
NOTHING = torch.zeros(64)


def columns(vectors, moments, class_means=(X, Y), placebos=None):
    """The columns for two classes."""
    if placebos is None:
        placebos = torch.stack(OTHERS[:8]).view(4, 2, -1)
    return overlap_columns(
        torch.stack(vectors),
        [torch.stack(group) for group in moments],
        torch.stack(class_means),
        placebos,
        torch.Generator().manual_seed(0),
    )


@pytest.fixture
def found():
    """Means span x and y; variances z and a part of x; third moments y + z and w."""
    moments = (X, X + Y), (2 * Z + X, X), (Y + Z, 5 * W)
    return columns([X, Y, Z, W, (Y + Z) / 2**0.5, OTHERS[20]], moments, (X, Z))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", [1, 1, 0, 0, 0.5, 0]),
        ("variance", [0, 0, 1, 0, 0.5, 0]),
        ("third_moment", [0, 0, 0, 1, 0, 0]),
        ("total", [1, 1, 1, 1, 1, 0]),
        ("variance_alone", [1, 0, 1, 0, 0.5, 0]),
        ("third_moment_alone", [0, 0.5, 0.5, 1, 1, 0]),
        ("mean_last", [0, 0, 0, 0, 0, 0]),
        ("variance_last", [0, 0, 0, 0, 0, 0]),
        ("third_moment_last", [0, 0, 0, 1, 0, 0]),
        ("class_mean", [1, 0, 1, 0, 0.5, 0]),
    ],
)
def test_each_column_is_of_its_own_span(found, name, expected):
    np.testing.assert_allclose(found[name], expected, atol=1e-6)


def test_what_is_last_is_what_the_two_others_leave():
    """Every moment has a direction of its own, and all share x."""
    found = columns([X, Y, Z, W], [(X, Y), (X, Z), (X, W)])
    for name, own in zip(MOMENTS, range(1, 4), strict=True):
        np.testing.assert_allclose(found[f"{name}_last"], np.eye(4)[own], atol=1e-6)
    np.testing.assert_allclose(found["mean"], [1, 1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found["variance"], [0, 0, 1, 0], atol=1e-6)


def test_placebo_spaces_have_one_or_three_of_the_four_of_each_output():
    """A vector that is the first placebo of the first output is in a quarter of the
    spaces of one and in three quarters of those of three, of 20 draws.
    """
    placebos = torch.stack(OTHERS[:8]).view(4, 2, -1)
    both = (placebos[0, 0] + placebos[0, 1]) / 2**0.5
    everything = placebos.sum(dim=(0, 1)) / 8**0.5
    vectors = [placebos[0, 0], both, everything, X]
    found = columns(vectors, [(X, Y)] * 3, placebos=placebos)
    share = found["placebo"][0]
    assert share * 20 == pytest.approx(round(share * 20))
    assert 0.05 <= share <= 0.5
    assert found["placebo_all"][0] == pytest.approx(1 - share)
    assert found["placebo_high"][0] == pytest.approx(1)
    np.testing.assert_allclose(found["placebo"][2:], [0.25, 0], atol=1e-6)
    np.testing.assert_allclose(found["placebo_high"][2:], [0.25, 0], atol=1e-6)
    np.testing.assert_allclose(found["placebo_all"][2:], [0.75, 0], atol=1e-6)
    np.testing.assert_allclose(found["placebo_all_high"][2:], [0.75, 0], atol=1e-6)
    assert found["placebo"][1] <= found["placebo_high"][1]


def test_a_group_of_no_gradient_explains_nothing():
    found = columns([X, Y], [(X, Y), (NOTHING, NOTHING), (Z, NOTHING)])
    np.testing.assert_allclose(found["variance"], 0, atol=1e-12)
    np.testing.assert_allclose(found["variance_last"], 0, atol=1e-12)
    np.testing.assert_allclose(found["total"], 1)

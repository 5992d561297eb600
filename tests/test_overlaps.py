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
        placebos = torch.stack(OTHERS[:16]).view(8, 2, -1)
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


def test_placebo_spaces_have_one_or_three_of_the_eight_of_each_output():
    """A vector that is the first placebo of the first output is in an eighth of the
    spaces of one and in three eighths of those of three, of 200 draws.
    """
    placebos = torch.stack(OTHERS[:16]).view(8, 2, -1)
    everything = placebos.sum(dim=(0, 1)) / 4
    vectors = [placebos[0, 0], everything, X]
    found = columns(vectors, [(X, Y)] * 3, placebos=placebos)
    for name, share in (("placebo", 1 / 8), ("placebo_all", 3 / 8)):
        found_share = found[name][0]
        assert found_share * 200 == pytest.approx(round(found_share * 200))
        assert abs(found_share - share) < 4 * (share * (1 - share) / 200) ** 0.5
        np.testing.assert_allclose(found[name][1:], [share, 0], atol=1e-6)
        np.testing.assert_allclose(found[f"{name}_high"], [1, share, 0], atol=1e-6)


def test_what_placebos_add_last_is_beyond_the_two_other_moments():
    """Of a placebo along x, which the means span, nothing is added to them."""
    placebos = torch.stack([X, Y] * 8).view(8, 2, -1)
    found = columns([X, Y, Z], [(X, Z), (Y, Z), (Z, W)], placebos=placebos)
    name = "_last_placebo_high"
    np.testing.assert_allclose(found[f"variance{name}"], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(found[f"third_moment{name}"], [0, 0, 0], atol=1e-6)


def test_a_group_of_no_gradient_explains_nothing():
    found = columns([X, Y], [(X, Y), (NOTHING, NOTHING), (Z, NOTHING)])
    np.testing.assert_allclose(found["variance"], 0, atol=1e-12)
    np.testing.assert_allclose(found["variance_last"], 0, atol=1e-12)
    np.testing.assert_allclose(found["total"], 1)

"""Quantities of curvature and overlaps, from results made by hand."""

import h5py
import numpy as np
import pandas as pd
import pytest

from normscope import store
from normscope.curvature import decomposition
from normscope.outputs import moments
from normscope.results import curvature, overlaps
from normscope.results.runs import Missing, Network

CLASSES = 3
PARAMETERS = 12
WEIGHTS = 4.0  # the norm of the parameters
SPECTRUM = [9.0, 8, 2, 1.5, -3]
# A row for each of four eigenvectors, of which the first three are as many as classes.
TABLE = {
    "eigenvalue": [9.0, 8, 2, 1.5],
    "mean": [0.8, 0.6, 0.2, 0.3],
    "variance": [0.1, 0.2, 0.15, 0.0],
    "third_moment": [0.05, 0.1, 0.05, 0.1],
    "total": [0.95, 0.9, 0.4, 0.4],
    "variance_last": [0.02, 0.03, 0.1, 0.5],
    "third_moment_last": [0.05, 0.1, 0.05, 0.1],
    "class_mean": [0.7, 0.9, 0.9, 0.9],
    "placebo_high": [0.3, 0.5, 0.4, 0.9],
    "placebo_all_high": [0.5, 0.6, 0.7, 0.9],
    "variance_last_placebo_high": [0.01, 0.02, 0.03, 0.9],
    "third_moment_last_placebo_high": [0.1, 0.1, 0.1, 0.9],
}


@pytest.fixture
def network(tmp_path):
    """Make the folder of a network, with what is given in its files."""
    folder = tmp_path / "results/seed0/mine"

    def make(spectrum=SPECTRUM, table=TABLE, tilt=1.0):
        curvature.read.cache_clear()
        dataset = {"test/labels": np.arange(CLASSES)}
        layout = {"test/labels": ("N", "classes")}
        names = [f"class {label}" for label in range(CLASSES)]
        store.write(
            str(folder.parents[1] / "dataset.h5"), layout, dataset, {"classes": names}
        )
        write_pairs("hessian", spectrum, tolerance=0.01, common_shift=3e-7)
        write_pairs("hessian_projected", [0.5, -2.0])
        write_pairs("hessian_off_means", [6.0, 5.0])
        write_gradients(tilt)
        write_outputs()
        columns = {name: [0.0] * len(table["mean"]) for name in overlaps.COLUMNS}
        columns |= {"eigenvector": range(1, 1 + len(table["mean"]))} | table
        pd.DataFrame(columns).to_csv(folder / "overlaps.csv", index=False)
        return Network(folder)

    def write_pairs(name, values, **attributes):
        pairs = {
            "eigenvalues": np.array(values),
            "eigenvectors": np.eye(len(values), PARAMETERS),
            "residual_norms": np.linspace(0.001, 0.02, len(values)),
        }
        store.write(str(folder / f"{name}.h5"), decomposition.LAYOUT, pairs, attributes)

    def write_gradients(tilt):
        """Two layers of six parameters: the last has 1/2, 1/10 and 9/10 of a row."""
        rows = np.zeros((3, PARAMETERS), np.float32)
        rows[0, [0, 6]], rows[1, [1, 7]], rows[2, [2, 8]] = (1, 1), (3, 1), (1, 3)
        rows[2, 8] *= tilt
        arrays = dict.fromkeys(("mean", "variance", "third_moment"), rows) | {
            "parameters/name": ["first.weight", "last.weight"],
            "parameters/shape": [[6, 1, 1, 1]] * 2,
            "parameters/offset": [0, 6],
        }
        about = {"parameter_norm": WEIGHTS, "layers": ["first", "last"]}
        path = str(folder / "moment_gradients.h5")
        store.write(path, moments.LAYOUT, arrays, about)

    def write_outputs():
        layout = {"*/std": ("C", "of each output")}
        arrays = {"none/logits/std": np.array([2.0, 1.0, 4.0])}
        attributes = {"outputs": "logits"}
        groups = {"none": {"loss": 1.0}}
        path = str(folder / "perturbations.h5")
        store.write(path, layout, arrays, attributes, groups)

    return make


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("largest_eigenvalue", 9),
        ("scaled_largest_eigenvalue", 9 * WEIGHTS**2),
        ("scaled_projected_eigenvalue", 2 * WEIGHTS**2),
        ("largest_eigenvalue_off_means", 6),
        ("common_shift", 3e-7 / 9),
        ("part_of_means", np.log(9 / 6) / np.log(9 / 2)),
        ("scaled_squared_gradients", [16 * 2 / 4, 16 * 10 / 1, 16 * 10 / 16]),
        ("median_scaled_squared_gradient", 10),
        ("last_layer_share", (0.5 + 0.1 + 0.9) / 3),
        ("residuals_to_tolerance", np.linspace(0.1, 2, 5)),
        ("gaps", [9 / 8, 4, 4 / 3]),
        ("largest_gap", 4),
        ("gap_after", 4),
        ("rank_of_gap_after", 1),
        ("outliers", 2),
    ],
)
def test_quantities_of_curvature(network, quantity, expected):
    found = getattr(curvature, quantity)(network())
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_largest_eigenvalue_above_0_limits_the_learning_rate(network):
    found = curvature.largest_stable_rate(network([2.0, -3.0]), 0.9)
    assert found == pytest.approx(2 * 1.9 / (2.8 * 2.0))
    with pytest.raises(Missing, match="none of the leading eigenvalues is above 0"):
        curvature.largest_stable_rate(network([-2.0, -3.0]), 0.9)


def test_a_network_without_classifier_has_no_common_shift(network):
    mine = network()
    with h5py.File(mine.file("hessian.h5"), "a") as file:
        del file.attrs["common_shift"]
    with pytest.raises(Missing, match="last parameters"):
        curvature.common_shift(mine)


@pytest.mark.parametrize(
    ("spectrum", "rank", "count"),
    [
        ([9, 3, 2, 1.9], 2, 1),  # the gap is after the first
        ([9, 8, 2, 0.1, 0.05], 2, 3),  # and here after the third, beyond any window
        ([9, 8, 2, 1.9, -50], 1, 2),  # the negative one takes no part
    ],
)
def test_outliers_end_at_the_largest_gap_of_all(network, spectrum, rank, count):
    this = network(spectrum=spectrum)
    assert curvature.rank_of_gap_after(this) == rank
    assert curvature.outliers(this) == count


def test_without_a_clear_gap_there_are_no_outliers(network):
    assert curvature.outliers(network(spectrum=[9, 6, 5, 4])) == 1
    this = network(spectrum=[9, 6.01, 5, 4])
    with pytest.raises(Missing, match=r"no gap: no ratio .* reaches 1\.5"):
        curvature.outliers(this)


def test_too_few_eigenvalues_show_no_gap(network):
    with pytest.raises(Missing, match=r"too few eigenvalues.*hessian\.k"):
        curvature.gaps(network(spectrum=[9, 8, 1, -1, -2]))


@pytest.mark.parametrize(("tilt", "rank"), [(1.2, 1), (0.8, 2)])
def test_the_last_layers_rank_is_that_of_its_mean_share(network, tilt, rank):
    """Of the first output, it has half of the squared gradient; of all, it depends."""
    this = network(tilt=tilt)
    assert curvature.rank_of_last_layer(this) == rank


@pytest.mark.parametrize(
    ("quantity", "arguments", "expected"),
    [
        ("leading_overlap", ["mean"], 1.6 / 3),
        ("leading_overlap", ["class_mean"], 2.5 / 3),
        ("smallest_leading_overlap", ["mean"], 0.2),
        ("outlier_overlaps", ["mean"], [0.8, 0.6]),
        ("overlap_after_outliers", ["mean"], 0.2),
        ("later_overlap", ["mean"], 0.25),
        ("cut_after_outliers", [], 0.2 / 0.6),
        ("lead_over_placebo", [], [0.5, 0.1]),
        ("overlaps_to_placebo", [], [0.8 / 0.3, 0.6 / 0.5, 0.2 / 0.4]),
        ("lead_of_all_over_placebo", [], (2.25 - 1.8) / 3),
        ("lead_over_placebo_last", ["variance"], 0.05 - 0.02),
        ("lead_over_placebo_last", ["third_moment"], 0.2 / 3 - 0.1),
        ("lead_over_class_means", [], (0.1 - 0.3) / 2),
        ("mixed_eigenvectors", [], 2 / 3),
        ("unexplained_curvature", [], 1.2 * WEIGHTS**2),
    ],
)
def test_quantities_of_overlaps(network, quantity, arguments, expected):
    found = getattr(overlaps, quantity)(network(), *arguments)
    np.testing.assert_allclose(found, expected)


def test_curvature_that_is_left_most_at_the_last_pair_is_a_lower_bound(network):
    table = TABLE | {"total": [0.95, 0.9, 0.5, 0.3]}
    with pytest.raises(Missing, match=r"a lower bound; raise hessian\.k"):
        overlaps.unexplained_curvature(network(table=table))
    assert overlaps.is_most_left_at_last(network(table=table))
    left = np.array(TABLE["eigenvalue"]) * (1 - np.array(table["total"]))
    assert overlaps.most_left(network(table=table)) == pytest.approx(left.max())


def test_fewer_eigenvectors_than_classes_are_missing(network):
    this = network(table={name: values[:2] for name, values in TABLE.items()})
    for quantity in (overlaps.leading_overlap, overlaps.outlier_overlaps):
        with pytest.raises(Missing, match=r"fewer eigenvectors than classes"):
            quantity(this, "mean")
    with pytest.raises(Missing, match=r"fewer eigenvectors than classes"):
        overlaps.mixed_eigenvectors(this)


def test_random_vectors_lie_in_the_span_of_the_means_by_chance(network):
    """3 of 12 dimensions. The same draws, projected by least squares."""
    this = network()
    vectors = np.random.default_rng(0).normal(size=(20, PARAMETERS))
    rows = store.read(this.file("moment_gradients.h5"))[0]["mean"].astype(float)
    rests = vectors.T - rows.T @ np.linalg.lstsq(rows.T, vectors.T, rcond=None)[0]
    shares = 1 - (rests**2).sum(axis=0) / (vectors**2).sum(axis=1)
    found = overlaps.random_overlap_to_chance(this)
    assert found == pytest.approx(shares.mean() * 12 / 3)
    assert 0.5 < found < 1.5

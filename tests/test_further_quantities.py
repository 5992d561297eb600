"""Quantities and figures of curvature of every kind, from results made by hand."""

import numpy as np
import pandas as pd
import pytest

import measure_spectrum
import plot_densities
import plot_gauss_newton
import plot_layer_blocks
from normscope import store
from normscope.curvature import comparison, decomposition
from normscope.job import UserError
from normscope.results import curvature, gauss_newton, layer_blocks, whole_spectra
from normscope.results.measures import evaluate
from normscope.results.runs import Missing, Network, Seed

CLASSES, PARAMETERS = 3, 100
VALUES = np.array([8.0, 4, 1, -2])
LAYERS = pd.DataFrame(
    {
        "layer": ["prep_conv", "classifier_conv"],
        "parameters": [60, 40],
        "largest_eigenvalue": [2.0, -6.0],
        "residual": [1e-4, 1e-5],
    }
)


@pytest.fixture
def network(tmp_path):
    """Make the folder of a network whose bulk is at -0.1 and 0.5."""
    folder = tmp_path / "results/seed0/mine"

    def make(exact=(1e-4, 2e-4, 3e-4, 4e-4)):
        curvature.read.cache_clear()
        whole_spectra.read_groups.cache_clear()
        store.write(
            str(folder.parents[1] / "dataset.h5"),
            {"test/labels": ("N", "classes")},
            {"test/labels": np.arange(CLASSES)},
            {"classes": ["a", "b", "c"]},
        )
        pairs = {
            "eigenvalues": VALUES,
            "eigenvectors": np.eye(4, PARAMETERS),
            "residual_norms": np.full(4, 1e-4),
        }
        facts = {"tolerance": 1e-3}
        store.write(str(folder / "hessian.h5"), decomposition.LAYOUT, pairs, facts)
        turned = np.eye(4, PARAMETERS)
        turned[1, 1:3] = 0.6, 0.8
        turned[2, 1:3] = -0.8, 0.6
        more = {
            "eigenvalues": np.array([7.6, 4.8, 0.5, 0.1]),
            "eigenvectors": turned,
            "rest": np.array([0.05, 0.3, 0.5, 1]),
            "overlaps": np.ones(4),
            "gradient_shares": np.array([0.5, 0.2, 0.1, 0.1]),
            "residual_norms_float64": np.array(exact),
        }
        layout = decomposition.LAYOUT | comparison.LAYOUT
        store.write(str(folder / "gauss_newton.h5"), layout, pairs | more, facts)
        LAYERS.to_csv(folder / "layers.csv", index=False)
        arrays, groups = {}, {}
        for name in ("hessian", "gauss_newton"):
            arrays |= store.nested(
                {
                    "nodes": np.tile([*VALUES, -0.1, 0.5], (2, 1)),
                    "weights": np.tile([*[0.01] * 4, 0.56, 0.4], (2, 1)),
                    "samples": np.array([25.0, 26, 27]),
                },
                name,
            )
            groups[name] = {"trace": 26.0, "trace_error": 0.5, "known": 4}
        path = str(folder / "spectrum.h5")
        store.write(path, measure_spectrum.LAYOUT, arrays, {}, groups)
        return Network(folder)

    return make


def test_numbers_of_the_gauss_newton_matrix(network):
    """Of two outliers; the second direction lies by 0.36 in the other's span."""
    mine = network()
    assert gauss_newton.gauss_newton_to_hessian(mine).tolist() == [0.95, 1.2]
    assert gauss_newton.rest_to_eigenvalue(mine).tolist() == [0.05, 0.3]
    assert gauss_newton.overlap_with_gauss_newton(mine) == pytest.approx(1.36 / 2)
    assert gauss_newton.gradient_share(mine) == pytest.approx(0.7)
    found = gauss_newton.true_residuals_to_tolerance(mine)
    np.testing.assert_allclose(found, [0.1, 0.2, 0.3, 0.4])


def test_numbers_of_whole_spectra(network):
    """56 eigenvalues at -0.1 and 40 at 0.5; those at 8, 4 and 1 are beyond."""
    mine = network()
    assert whole_spectra.trace(mine, "hessian") == 26
    assert whole_spectra.trace_error(mine, "gauss_newton") == 0.5
    assert whole_spectra.outliers_share_of_trace(mine, "hessian") == 12 / 26
    assert whole_spectra.negative_share(mine, "hessian") == pytest.approx(0.076 / 0.406)
    assert whole_spectra.outliers_beyond_density(mine, "hessian") == 3


def test_the_layer_that_limits_and_a_damaged_table(network):
    mine = network()
    assert layer_blocks.layer_blocks(mine).equals(LAYERS)
    assert layer_blocks.largest_block_to_whole(mine) == 6 / 8
    path = mine.folder / "layers.csv"
    path.write_text(path.read_text().replace("2.0", "two"))
    with pytest.raises(UserError, match=r"layers\.csv is not a whole"):
        layer_blocks.layer_blocks(mine)


@pytest.mark.parametrize(
    "measure",
    [
        {"measure": "rest_to_eigenvalue", "take": "largest"},
        {"measure": "largest_block_to_whole"},
        {"measure": "trace", "matrix": "hessian"},
    ],
    ids=str,
)
def test_a_run_without_them_says_how_to_have_them(network, measure):
    mine = network()
    for name in ("gauss_newton.h5", "layers.csv", "spectrum.h5"):
        (mine.folder / name).unlink()
    seed = Seed(mine.folder.parent, {"none": "mine"}, {}, {})
    with pytest.raises(Missing, match=r"says which keys make it"):
        evaluate(measure | {"network": "none"}, seed)


def test_true_residuals_are_missing_where_the_device_has_no_float64(network):
    with pytest.raises(Missing, match="no float64"):
        gauss_newton.true_residuals_to_tolerance(network([np.nan] * 4))


@pytest.mark.parametrize(
    ("script", "input", "file", "title"),
    [
        (plot_gauss_newton, "matrix", "gauss_newton.h5", "68% with mine"),
        (plot_layer_blocks, "layers", "layers.csv", "classifier conv with mine"),
        (plot_densities, "spectra", "spectrum.h5", "46% with mine"),
    ],
)
def test_figures_say_the_same_numbers(
    network, job, tmp_path, script, input, file, title
):
    mine, svg = network(), str(tmp_path / "drawn.svg")
    script.main(
        job(
            "_",
            {input: [mine.file(file)]},
            {"svg": [svg], "png": [str(tmp_path / "drawn.png")]},
            {"networks": ["mine"], "roles": {}},
        )
    )
    drawn = (tmp_path / "drawn.svg").read_text()
    assert title in drawn.replace("\n", " ")
    tips = drawn.count("tip: mine")
    assert tips == {"gauss_newton.h5": 8, "layers.csv": 3, "spectrum.h5": 4}[file]

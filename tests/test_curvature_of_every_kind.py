"""Mains of decompose_gauss_newton, decompose_layers and measure_spectrum."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from test_gauss_newton import dense_gauss_newton
from test_hessian import dense_hessian

import decompose_gauss_newton
import decompose_layers
import measure_spectrum
from normscope import store
from normscope.analysis import open_analysis
from normscope.curvature import decomposition
from normscope.curvature.blocks import places_of_layers
from normscope.networks.losses import smoothed_cross_entropy
from normscope.resume import resumable

K = 4
HESSIAN = {
    "images": 20,
    "batch_size": 10,
    "k": K,
    "projected_k": 3,
    "tolerance": 1e-3,
    "starts": 2,
    "precision": "float32",
}
SPECTRUM = {"starts": 2, "steps": 12, "trace_products": 3}


@pytest.fixture
def analysed(job, dataset_file, network_file, tmp_path):
    """Run the scripts on fresh weights: a job, the files, what matrices are made of."""

    def make(**kind):
        files = {"dataset": dataset_file(), "network": network_file(**kind)}
        run = partial(job, seed="0", network="mine")
        params = {"hessian": HESSIAN, "smoothing": 0.5, "spectrum": SPECTRUM}
        out = {
            name: str(tmp_path / name)
            for name in ("hessian.h5", "gauss_newton.h5", "layers.csv", "spectrum.h5")
        }
        first = run("decompose_hessian", files, {}, params)
        hessian, facts = decomposition.hessian_of(first)
        with resumable(first, out["hessian.h5"]) as state:
            decomposition.write_leading_eigenpairs(
                first, hessian, K, out["hessian.h5"], facts, state
            )
        inputs = files | {"eigenpairs": out["hessian.h5"]}
        decompose_gauss_newton.main(
            run("_", inputs, {"eigenpairs": out["gauss_newton.h5"]}, params)
        )
        decompose_layers.main(run("_", files, {"layers": out["layers.csv"]}, params))
        inputs = files | {
            "hessian": out["hessian.h5"],
            "gauss_newton": out["gauss_newton.h5"],
        }
        spectrum = run("_", inputs, {"spectrum": out["spectrum.h5"]}, params)
        measure_spectrum.main(spectrum)
        this = open_analysis(first, 10, 20)
        network = this.network.double()
        data = [(images.double(), labels) for images, labels in this.batches]
        loss = partial(smoothed_cross_entropy, smoothing=0.5)
        return spectrum, out, network, loss, data

    return make


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_files_are_those_of_the_dense_matrices(analysed, norm):
    _, files, network, loss, data = analysed(norm=norm)
    matrices = {
        "hessian": dense_hessian(network, loss, data).numpy(),
        "gauss_newton": dense_gauss_newton(network, loss, data).numpy(),
    }
    hessian, matrix = matrices.values()
    mine, _ = store.read(files["hessian.h5"])
    found, facts = store.read(files["gauss_newton.h5"])
    size = np.abs(found["eigenvalues"])
    np.testing.assert_allclose(
        found["eigenvalues"], np.linalg.eigvalsh(matrix)[::-1][:K], rtol=1e-3
    )
    assert (found["residual_norms"] < 1.1e-3).all()
    assert facts["matvecs"] >= K

    values, vectors = mine["eigenvalues"], mine["eigenvectors"].astype(float)
    size = np.abs(values)
    rest = np.linalg.norm(vectors @ (hessian - matrix), axis=1) / size
    np.testing.assert_allclose(found["rest"], rest, rtol=1e-3, atol=1e-3)
    residuals = np.linalg.norm(vectors @ hessian - values[:, None] * vectors, axis=1)
    np.testing.assert_allclose(
        found["residual_norms_float64"], residuals / size, rtol=1e-5, atol=1e-9
    )
    overlaps = ((vectors @ found["eigenvectors"].T) ** 2).sum(1)
    np.testing.assert_allclose(found["overlaps"], overlaps, atol=1e-5)
    value = sum(loss(network(images), labels) for images, labels in data) / len(data)
    parts = torch.autograd.grad(value, list(network.parameters()))
    gradient = torch.cat([part.flatten() for part in parts]).numpy()
    shares = (vectors @ (gradient / np.linalg.norm(gradient))) ** 2
    np.testing.assert_allclose(found["gradient_shares"], shares, atol=1e-4)

    table = pd.read_csv(files["layers.csv"]).set_index("layer")
    assert table.parameters.sum() == len(hessian)
    for layer, (place,) in places_of_layers(network).items():
        block = np.linalg.eigvalsh(hessian[place, place])
        largest = block[np.abs(block).argmax()]
        assert table.largest_eigenvalue[layer] == pytest.approx(largest, rel=2e-3)
        assert table.residual[layer] < 1.1e-3

    arrays, _ = store.read(files["spectrum.h5"])
    traces = store.group_attributes(files["spectrum.h5"])
    for name, dense in matrices.items():
        group, said = store.group(arrays, name), traces[name]
        assert group["nodes"].shape == (2, K + SPECTRUM["steps"])
        np.testing.assert_allclose(group["weights"].sum(1), 1)
        assert len(group["samples"]) == 5
        assert said["trace"] == pytest.approx(group["samples"].mean())
        error = group["samples"].std(ddof=1) / 5**0.5
        assert said["trace_error"] == pytest.approx(error)
        assert abs(said["trace"] - dense.trace()) < 4 * error + 1e-3 * size.max()


def test_a_spectrum_that_is_killed_goes_on_to_the_same_bits(
    analysed, tmp_path, monkeypatch
):
    spectrum, files, *_ = analysed(norm="batch")
    expected = store.read(files["spectrum.h5"])[0]
    quadrature, calls = measure_spectrum.Rest.quadrature, []

    def killed_at_the_third(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return quadrature(*arguments)

    monkeypatch.setattr(measure_spectrum.Rest, "quadrature", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        measure_spectrum.main(spectrum)
    measure_spectrum.main(spectrum)
    assert len(calls) == 5
    for name, values in store.read(files["spectrum.h5"])[0].items():
        np.testing.assert_array_equal(values, expected[name])
    assert not list(tmp_path.glob("*.partial"))

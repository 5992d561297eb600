"""Mains of the scripts about curvature on small files: what they write and refuse."""

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from torch.func import functional_call

import decompose_hessian
import differentiate_moments
import measure_overlaps
from normscope import devices, store
from normscope.curvature import decomposition
from normscope.curvature.hessian import Hessian, Projected
from normscope.curvature.lanczos import Eigenpairs
from normscope.job import UserError
from normscope.networks.files import load
from normscope.networks.parameters import detached, perturbed
from normscope.results.overlaps import COLUMNS

HESSIAN = {
    "images": 20,
    "batch_size": 10,
    "k": 4,
    "projected_k": 3,
    "tolerance": 1e-3,
    "starts": 2,
    "precision": "float32",
}


@pytest.fixture
def analysed(job, dataset_file, network_file, tmp_path):
    """Run the scripts of the curvature part on fresh weights; return their files."""

    def make(hessian=HESSIAN, **kind):
        files = {
            "dataset": dataset_file(),
            "network": network_file(**kind),
            "gradients": str(tmp_path / "moment_gradients.h5"),
        }
        place = {"seed": "0", "network": "mine"}
        differentiate_moments.main(
            job(
                "differentiate_moments",
                files,
                {"gradients": files["gradients"]},
                {"batch_size": 10, "images": 20},
                **place,
            )
        )
        params = {"hessian": hessian, "smoothing": 0.5}
        inputs = dict(files)
        files["hessian"] = str(tmp_path / "hessian.h5")
        for name in ("hessian_projected", "hessian_off_means"):
            files[name] = str(tmp_path / f"{name}.h5")
        output = {
            "eigenpairs": files["hessian"],
            "projected": files["hessian_projected"],
            "off_means": files["hessian_off_means"],
        }
        decompose_hessian.main(
            job("decompose_hessian", inputs, output, params, **place)
        )
        files["overlaps"] = str(tmp_path / "overlaps.csv")
        measure_overlaps.main(
            job(
                "measure_overlaps",
                inputs | {"eigenpairs": files["hessian"]},
                {"overlaps": files["overlaps"]},
                {"batch_size": 10, "images": 20},
                **place,
            )
        )
        return files

    return make


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_curvature_files_agree_with_one_another(analysed, norm):
    files = analysed(norm=norm)
    gradients, facts = store.read(files["gradients"])
    count = gradients["mean"].shape[1]
    network, _ = load(files["network"])
    assert count == sum(weight.numel() for weight in network.parameters())
    norm_of_all = torch.cat([w.flatten() for w in network.parameters()]).norm()
    assert facts["parameter_norm"] == pytest.approx(norm_of_all.item())
    assert facts["images"] == 20
    ends = gradients["parameters/offset"] + gradients["parameters/shape"].prod(axis=1)
    assert ends.tolist() == [*gradients["parameters/offset"][1:], count]

    pairs, facts = store.read(files["hessian"])
    assert facts["images"] == 20
    assert facts["matvecs"] >= 4
    assert (pairs["residual_norms"] < 1e-3).all()
    assert (np.diff(pairs["eigenvalues"]) <= 0).all()
    np.testing.assert_allclose(np.linalg.norm(pairs["eigenvectors"], axis=1), 1, 1e-5)

    assert facts["common_shift"] < 1e-5

    rows = np.concatenate(
        [gradients[name] for name in ("mean", "variance", "third_moment")]
    )
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for name, off in (("projected", rows), ("off_means", rows[:3])):
        found, facts = store.read(files[f"hessian_{name}"])
        assert facts["projected_dimensions"] == len(off)
        assert found["eigenvectors"].shape == (3, count)
        assert np.abs(found["eigenvectors"] @ off.T).max() < 1e-3
        assert (found["residual_norms"] < 1e-3).all()

    table = pd.read_csv(files["overlaps"])
    assert list(table) == list(COLUMNS)
    assert table.drop(columns=["eigenvector", "eigenvalue"]).min(axis=None) > -1e-9
    assert table.drop(columns=["eigenvector", "eigenvalue"]).max(axis=None) < 1 + 1e-6
    assert (table.placebo <= table.placebo_high).all()
    assert (table.placebo < table.placebo_all).all()
    basis = np.linalg.qr(gradients["mean"].T.astype(float))[0]
    expected = ((pairs["eigenvectors"] @ basis) ** 2).sum(axis=1)
    np.testing.assert_allclose(table["mean"], expected, atol=1e-5)
    everything = np.linalg.qr(rows.T.astype(float))[0]
    expected = ((pairs["eigenvectors"] @ everything) ** 2).sum(axis=1)
    np.testing.assert_allclose(table["total"], expected, atol=1e-4)


def test_a_job_killed_at_its_second_matrix_keeps_the_first(
    analysed, tmp_path, monkeypatch
):
    find, calls = decomposition.leading_eigenpairs, []
    check, checks = decomposition.fresh_residuals, []

    def killed_at_the_second(*arguments):
        calls.append(arguments[0])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return find(*arguments)

    def counted(*arguments):
        checks.append(arguments)
        return check(*arguments)

    files = analysed(norm="batch")
    names = ("hessian", "hessian_projected", "hessian_off_means")
    expected = {name: store.read(files[name])[0] for name in names}
    monkeypatch.setattr(decomposition, "fresh_residuals", counted)
    monkeypatch.setattr(decomposition, "leading_eigenpairs", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        analysed(norm="batch")
    (tmp_path / "hessian.h5").unlink()  # as Snakemake does
    files = analysed(norm="batch")
    assert len(calls) == 4
    assert isinstance(calls[2], Projected)
    assert len(checks) == 3  # no pair is checked twice
    for name, arrays in expected.items():
        for key, values in store.read(files[name])[0].items():
            np.testing.assert_array_equal(values, arrays[key])
    assert not list(tmp_path.glob("*.partial"))


def test_a_job_killed_while_it_checks_the_pairs_does_not_search_again(
    analysed, tmp_path, monkeypatch
):
    find, calls = decomposition.leading_eigenpairs, []

    def counted(*arguments):
        calls.append(arguments[0])
        return find(*arguments)

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(decomposition, "leading_eigenpairs", counted)
    with monkeypatch.context() as patch:
        patch.setattr(decomposition, "fresh_residuals", killed)
        with pytest.raises(KeyboardInterrupt):
            analysed(norm="batch")
    assert not (tmp_path / "hessian.h5").exists()
    pairs, facts = store.read(analysed(norm="batch")["hessian"])
    assert len(calls) == 3
    assert (pairs["residual_norms"] < 1e-3).all()
    assert facts["matvecs"] >= 4


def test_fresh_residuals_see_what_the_solver_did_not(rng):
    """Pairs that are off by hand: their own residuals are not looked at."""

    class Diagonal:
        dimension, device = 3, torch.device("cpu")

        def __call__(self, vector):
            return torch.tensor([4.0, -2.0, 0.0]) * vector

    tilted = torch.tensor([0.6, 0.8, 0.0])
    pairs = Eigenpairs(
        torch.tensor([4.0, 1.0, -2.0, 0.0], dtype=torch.float64),
        torch.stack([*torch.eye(3)[[0]], tilted, *torch.eye(3)[[1, 2]]]),
        torch.zeros(4, dtype=torch.float64),
        matvecs=9,
    )
    found = decomposition.fresh_residuals(Diagonal(), pairs)
    tilted_off = ((3 * 0.6) ** 2 + (3 * 0.8) ** 2) ** 0.5
    np.testing.assert_allclose(found, [0, tilted_off, 0, 0], rtol=1e-6)


def test_the_common_shift_moves_all_logits_of_an_image_alike(tiny, batches, loss, rng):
    network, ((images, labels),) = tiny(norm="batch"), batches(count=1)
    hessian = Hessian(network, loss, [(images, labels)], 1.0)
    shift = decomposition.common_shift(hessian, rng)
    parameters = detached(network)
    moved = functional_call(network, perturbed(parameters, shift, 1.0), images)
    shifts = moved - network(images)
    assert shift.norm().item() == pytest.approx(1)
    torch.testing.assert_close(shifts, shifts[:, :1].expand_as(shifts))
    assert shifts[:, 0].abs().min() > 1e-6


def test_without_a_classifier_at_the_end_there_is_no_common_shift(batches, loss, rng):
    ends = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    for last in (torch.nn.Tanh(), torch.nn.BatchNorm1d(3, affine=False)):
        network = torch.nn.Sequential(
            torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), *ends, last
        ).double()
        hessian = Hessian(network, loss, batches(count=1), 1.0)
        assert decomposition.common_shift(hessian, rng) is None


def test_files_say_what_made_them(analysed):
    files = analysed(norm="none")
    for name in ("gradients", "hessian", "hessian_projected", "hessian_off_means"):
        with h5py.File(files[name]) as file:
            assert {
                "run", "seed", "network", "rule", "code", "torch", "device",
            } <= set(file.attrs)  # fmt: skip


def test_more_pairs_than_parameters_are_refused(analysed):
    with pytest.raises(UserError, match=r"config key hessian\.k: 9999 eigenpairs of"):
        analysed(hessian=HESSIAN | {"k": 9999})


def test_memory_for_the_eigenpairs_is_asked_for_before_any_product(
    analysed, monkeypatch
):
    free = iter([1.0, 1.0, 1e-6])  # GB, for gradients and for the pairs
    monkeypatch.setattr(devices, "free_gigabytes", lambda device, job: next(free))
    with pytest.raises(UserError, match=r"config key hessian\.k: for 4 .* 30 vectors"):
        analysed(norm="none")

"""stability.csv: what the script writes, and the gradients and spans that it uses."""

import h5py
import pandas as pd
import pytest
import torch
from test_curvature_scripts import HESSIAN, analysed  # noqa: F401

import measure_stability
from normscope import store
from normscope.curvature import breaking
from normscope.networks.parameters import detached, flatten
from normscope.networks.slopes import move_to, slope
from normscope.outputs import spans
from normscope.results.descent import stability_limit_with_momentum

COLUMNS = ["removed", "lambda_1", "predicted", "onset", "breaking"]
REMOVED = ["none", "none_small_batches"] + [
    f"{what}_{how}"
    for what in ("mean", "all", "placebo")
    for how in ("fixed", "renewed")
]


def test_a_slope_is_the_gradient_by_differences(tiny, batches, loss):
    network, some, step = tiny(norm="batch"), batches(), 1e-6
    start = flatten(detached(network).values()).clone()
    value, gradient = slope(network, loss, some)
    expected = torch.stack([loss(network(x), y) for x, y in some]).mean().item()
    assert value == pytest.approx(expected)
    for place in (0, 60, len(start) - 1):
        moved = []
        for sign in (1, -1):
            there = start.clone()
            there[place] += sign * step
            move_to(network, there)
            moved.append(slope(network, loss, some)[0])
        assert gradient[place].item() == pytest.approx(
            (moved[0] - moved[1]) / (2 * step), rel=1e-4, abs=1e-8
        )


def test_placebos_are_the_gradients_of_signed_means(tiny, batches):
    network, (batch,) = tiny(norm="none"), batches(1)

    def draw():
        return torch.Generator().manual_seed(5)

    found = spans.placebo_gradients(network, [batch], draw)
    again = spans.placebo_gradients(network, [batch], draw)
    assert torch.equal(found, again)
    assert found.shape == (9, len(flatten(detached(network).values())))
    signs = 2 * torch.randint(2, (3, 6, 3), generator=draw()) - 1
    logit = (signs[1, :, 2] * network(batch[0])[:, 2]).mean()
    expected = flatten(torch.autograd.grad(logit, list(network.parameters())))
    torch.testing.assert_close(found[5], expected)
    means = spans.mean_gradients(network, [batch])
    torch.testing.assert_close(spans.all_gradients(network, [batch])[:3], means)


@pytest.fixture
def measured(analysed, job, tmp_path):  # noqa: F811
    """Run measure_stability on fresh weights; return its table and its files."""

    made = {}

    def make(removed=True, **kind):
        # Made once, as a job goes on only from a state that is of the same files.
        files = made.setdefault("files", None) or analysed(**kind)
        made["files"] = files
        this = job(
            "measure_stability",
            {
                "dataset": files["dataset"],
                "network": files["network"],
                "eigenpairs": files["hessian"],
                "projected": files["hessian_projected"],
                "off_means": files["hessian_off_means"],
            },
            {"stability": str(tmp_path / "stability.csv")},
            {
                "hessian": HESSIAN,
                "smoothing": 0.5,
                "momentum": 0.9,
                "batch_size": 5,
                "stability": {"steps": 6, "renewal": 2},
                "removed": removed,
            },
            seed="0",
            network="mine",
        )
        measure_stability.main(this)
        return pd.read_csv(tmp_path / "stability.csv"), files

    return make


def test_each_part_of_the_steps_has_its_row(measured):
    table, files = measured(norm="none")
    assert list(table) == COLUMNS
    assert list(table.removed) == REMOVED
    limit = stability_limit_with_momentum(0.9)
    assert table.predicted.to_numpy() == pytest.approx(limit / table.lambda_1)
    by_name = table.set_index("removed")
    for name, file in (
        ("none", "hessian"), ("mean_fixed", "hessian_off_means"),
        ("all_renewed", "hessian_projected"),
    ):  # fmt: skip
        values = store.read(files[file], "eigenvalues")[0]["eigenvalues"]
        assert by_name.lambda_1[name] == pytest.approx(values.max())
    assert (table.onset <= table.breaking).all()
    assert (table.onset > 0).all()


def test_negative_curvature_limits_no_learning_rate(measured):
    _, files = measured(removed=False, norm="none")
    with h5py.File(files["hessian"], "r+") as file:
        values = file["eigenvalues"][:]
        values[-1] = -3 * values[0]
        file["eigenvalues"][:] = values
    table, _ = measured(removed=False, norm="none")
    assert table.lambda_1.to_numpy() == pytest.approx(values[0])
    limit = stability_limit_with_momentum(0.9)
    assert table.predicted.to_numpy() == pytest.approx(limit / values[0])
    with h5py.File(files["hessian"], "r+") as file:
        file["eigenvalues"][:] = -values[0]
    table, _ = measured(removed=False, norm="none")
    assert table.predicted.isna().all()
    assert (table.onset > 0).all()


def test_only_the_whole_steps_where_nothing_is_removed(measured):
    table, _ = measured(removed=False, norm="batch")
    assert list(table.removed) == ["none", "none_small_batches"]


def test_a_killed_job_makes_no_descent_again(measured, monkeypatch, tmp_path):
    expected, _ = measured(norm="none")
    (tmp_path / "stability.csv").unlink()
    descend, rates = breaking.descend, []

    def killed_once(start, at, rate, *settings):
        rates.append((rate, settings[2:]))
        if len(rates) == 9:
            raise KeyboardInterrupt
        return descend(start, at, rate, *settings)

    monkeypatch.setattr(breaking, "descend", killed_once)
    with pytest.raises(KeyboardInterrupt):
        measured(norm="none")
    again, _ = measured(norm="none")
    pd.testing.assert_frame_equal(again, expected)
    first = [rate for rate, _ in rates[:8]]
    assert rates[8][0] == rates[9][0]
    assert rates[9][0] not in first
    assert not list(tmp_path.rglob("*.partial"))


def test_small_batches_are_some_of_the_images(measured, monkeypatch):
    """Steps follow the gradient of a training batch; the loss is of all images."""
    seen = []
    descend = breaking.descend

    def watched(start, at, rate, *settings):
        seen.append((start, at))
        return descend(start, at, rate, *settings)

    monkeypatch.setattr(breaking, "descend", watched)
    measured(removed=False, norm="none")
    start, whole = seen[0]
    small = seen[-1][1]
    loss, everywhere = whole(start, 0)
    for step in (0, 1):
        value, gradient = small(start, step)
        assert value == pytest.approx(loss)
        assert torch.equal(gradient, small(start, step)[1])
    _, hessian = small.args
    images, labels = map(torch.cat, zip(*hessian.batches, strict=True))
    each = torch.stack(
        [
            slope(hessian.network, hessian.loss, [(image[None], label[None])])[1]
            for image, label in zip(images, labels, strict=True)
        ]
    )
    torch.testing.assert_close(each.mean(dim=0), everywhere, rtol=1e-3, atol=1e-6)
    # Which images are in it: the gradient is the mean over five of them.
    shares = torch.linalg.lstsq(each.T.double(), gradient[:, None].double()).solution
    shares = shares[:, 0].numpy()
    assert sorted(shares)[-5:] == pytest.approx([0.2] * 5, abs=0.02)
    assert sum(abs(shares) > 0.1) == 5

"""Figures of where training breaks and of the way there, from tables made by hand."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import plot_edge
import plot_moment_gradients
import plot_stability
import plot_stress_watch
import plot_training_on
from normscope.figures import by_epoch, drawing
from normscope.figures.contents import PAD, contents
from normscope.results import interventions, paths

NETWORKS = [
    "batch_norm", "frozen_batch_norm", "no_batch_norm", "post_batch_norm",
    "frozen_post_batch_norm", "batch_norm_low_rate",
]  # fmt: skip
EPOCHS = [0, 1, 2, 3, 5, 7, 10, 15, 20]
LIMIT = 1.357


def rates():
    """Onsets at 0.5 to 3 times the predicted rate, for three seeds."""
    rng, rows = np.random.default_rng(0), []
    for place, network in enumerate(NETWORKS):
        for seed in (1, 2, 3):
            predicted = 10.0 ** (-place / 3) * rng.uniform(0.8, 1.2)
            names = ["none", "none_small_batches"]
            if network in ("frozen_batch_norm", "no_batch_norm"):
                names += [
                    f"{part}_{how}"
                    for part in ("mean", "all", "placebo")
                    for how in ("fixed", "renewed")
                ]
            for name in names:
                gain = {"mean": 3, "all": 5, "placebo": 1.2}.get(name.split("_")[0], 1)
                onset = gain * predicted * rng.uniform(0.7, 2)
                breaking = np.inf if place == 0 else 1.5 * onset
                rows.append(
                    [seed, network, name, LIMIT / predicted / gain, gain * predicted,
                     onset, breaking]
                )  # fmt: skip
    columns = [
        "seed",
        "network",
        "removed",
        "lambda_1",
        "predicted",
        "onset",
        "breaking",
    ]
    return pd.DataFrame(rows, columns=columns)


def path():
    rng, rows = np.random.default_rng(0), []
    for place, network in enumerate(NETWORKS):
        for seed in (1, 2, 3):
            for epoch in EPOCHS:
                rate = 0.5 / (1 + place) * np.interp(epoch, [0, 4, 20], [0, 1, 0])
                curvature = 1.2 / max(rate, 0.02) * rng.uniform(0.7, 1.3)
                values = {name: rng.uniform(0.1, 1) for name in paths.PATH}
                values |= {
                    "epoch": epoch, "learning_rate": rate, "lambda_1": curvature,
                    "limit": LIMIT, "batch_sharpness": 1.4 * curvature,
                    "critical_length": 0.02 * (1 + place), "mean": 10.0 ** place,
                    "variance": 2.0 * epoch, "third_moment": rng.uniform(1, 2),
                    "update_cosine": np.nan if epoch == 0 else 0.3,
                    "seed": seed, "network": network,
                }  # fmt: skip
                values["product"] = rate * curvature
                values["sharpness"] = rate * values["batch_sharpness"]
                rows.append(values)
    return pd.DataFrame(rows)


def on():
    rows = []
    for network in ("frozen_batch_norm", "frozen_post_batch_norm"):
        for seed in (1, 2):
            for factor in (0.03, 0.1, 0.3, 1, 3):
                for step in (0, 3, 6, 12, 24, 48, 96):
                    rise = 1 + factor * step / 20 * seed
                    broken = factor == 3 and step > 12
                    values = dict.fromkeys(interventions.ON, np.nan if broken else rise)
                    values |= {"factor": factor, "step": step, "seed": seed}
                    values |= {"loss": np.inf if broken else 2 + rise / 10}
                    rows.append(values | {"network": network})
    return pd.DataFrame(rows)


def watch():
    rows = []
    for seed in (1, 2, 3, 4, 5):
        end = 900 + 50 * seed
        for step in [*range(0, end - 64, 32), *range(end - 64, end, 4)]:
            product = 0.1 * 2 ** (step / 200)
            rows.append(
                {"step": step, "broken_at": end, "learning_rate": 0.01,
                 "loss": 2.0 if step < end - 10 else 4.0, "lambda_1": 100 * product,
                 "limit": LIMIT,
                 "update_cosine": min(1, step / end) ** 2, "seed": seed,
                 "network": "no_batch_norm", "product": product}
            )  # fmt: skip
    return pd.DataFrame(rows)


def drawn(name):
    if name == "stability":
        return plot_stability.draw(rates(), NETWORKS, "A title that says a number")
    if name == "edge":
        return plot_edge.draw(path(), NETWORKS, "A title that says a number")
    if name == "moment_gradients":
        return plot_moment_gradients.draw(path(), NETWORKS, "A title of a number")
    if name == "training_on":
        shown = ["frozen_batch_norm", "frozen_post_batch_norm"]
        return plot_training_on.draw(on(), shown, "A title that says a number")
    return plot_stress_watch.draw(watch(), "A title that says a number")


FIGURES = ["stability", "edge", "moment_gradients", "training_on", "stress_watch"]


@pytest.mark.parametrize("name", FIGURES)
def test_panels_are_narrow_enough_for_a_phone(name, tmp_path):
    figure = drawn(name)
    drawing.save(figure, str(tmp_path / "a.svg"), str(tmp_path / "a.png"))
    for panel in contents(figure)["panels"]:
        left, _, width, _ = panel["box"]
        assert width <= 72 * (drawing.WIDEST + 2 * PAD), panel["label"]
        assert left >= -3


def tips(axis):
    return [found for artist in axis.get_children() if (found := artist.get_gid())]


def test_every_rate_is_a_mark_at_its_place():
    rows = rates()
    axis, below = plot_stability.draw(rows, NETWORKS, "title").axes
    whole = rows[rows.removed == "none"]
    small = rows[rows.removed == "none_small_batches"]
    marks = [c.get_offsets()[0].tolist() for c in axis.collections if c.get_gid()]
    expected = [
        [row.predicted, value]
        for row in whole.itertuples()
        for value in (row.onset, row.breaking)
        if np.isfinite(value)
    ] + small[["predicted", "onset"]].to_numpy().tolist()
    assert sorted(marks) == sorted(
        map(pytest.approx, expected), key=lambda a: a.expected
    )
    said = [tip for tip in tips(below) if "without means, renewed, seed 2" in tip]
    assert len(said) == 2
    low, high = axis.get_xlim()
    assert (low, high) == axis.get_ylim()


def test_without_parts_there_is_one_panel():
    rows = rates()
    figure = plot_stability.draw(rows[rows.removed == "none"], NETWORKS, "title")
    assert len(figure.axes) == 1


def test_lines_by_epoch_are_medians_and_leave_out_what_is_not_positive():
    table = path()
    axes = plot_edge.draw(table, NETWORKS, "title").axes
    (line,) = (each for each in axes[0].lines if each.get_label() == "no batch norm")
    mine = table[(table.network == "no_batch_norm") & (table["product"] > 0)]
    middle = mine.groupby("epoch")["product"].median()
    assert line.get_xdata().tolist() == middle.index.tolist()
    assert line.get_ydata().tolist() == middle.tolist()
    assert 0 not in line.get_xdata()
    dashed = [each for each in axes[1].lines if each.get_linestyle() == "--"]
    assert dashed[0].get_ydata()[0] == LIMIT


def test_a_rate_at_which_the_loss_is_not_finite_ends():
    axes = plot_training_on.draw(on(), ["frozen_batch_norm"], "title").axes
    ends = {line.get_label(): line.get_xdata()[-1] for line in axes[0].lines}
    assert ends == {"0.03": 96, "0.1": 96, "0.3": 96, "1": 96, "3": 12}


def test_a_line_ends_where_training_breaks():
    losses = [1.0, 1.4, 1.6, 1.2, 1.0, 1.4, np.inf, np.nan, 2.0, 2.9, 2.8, 2.7]
    table = pd.DataFrame(
        {"network": "x", "seed": np.repeat([1, 2, 2], 4),
         "factor": np.repeat([3.0, 3.0, 0.1], 4), "loss": losses}
    )  # fmt: skip
    kept = plot_training_on.before_breaking(table)
    assert kept.index.tolist() == [0, 1, 4, 5, 8, 9, 10, 11]


def test_the_stress_test_runs_towards_its_break():
    axes = plot_stress_watch.draw(watch(), "title").axes
    low, high = axes[0].get_xlim()
    assert low > high
    assert min(axes[0].lines[0].get_xdata()) == 4


def test_a_test_that_never_breaks_has_an_empty_figure(tmp_path):
    figure = plot_stress_watch.draw(watch()[:0], "title")
    drawing.save(figure, str(tmp_path / "a.svg"), str(tmp_path / "a.png"))
    assert all(len(axis.lines) <= 1 for axis in figure.axes)


@pytest.mark.parametrize(
    ("top", "decimals"),
    [(4, ["2", "3"]), (40, ["2", "5", "20"]), (4000, [])],
)
def test_numbers_between_powers_of_ten_do_not_touch(top, decimals):
    axis = Figure().subplots()
    axis.set(yscale="log", ylim=(1.1, top))
    by_epoch.number_decimals(axis.yaxis)
    places = [at for at in axis.yaxis.get_minorticklocs() if 1.1 <= at < top]
    said = axis.yaxis.get_minor_formatter().format_ticks(places)
    assert [text for text in said if text] == decimals

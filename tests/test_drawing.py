"""Figures of any number of networks, classes and seeds, and the same bytes twice."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from running import ROOT

import plot_eigenvalues
import plot_gradient_norms
import plot_mean_overlaps
import plot_overlaps
import plot_parameter_norms
import plot_projected_eigenvalues
import plot_scaled_overlaps
import plot_training
from normscope.figures import drawing, spectra
from normscope.figures.contents import contents
from normscope.outputs.names import MOMENTS

LAYERS = ["prep_conv", "layer1_conv", "layer1_extra_conv", "classifier_conv"]


def tables(count, seeds):
    """Made-up results of `count` networks, in the tables that the figures read."""
    rng = np.random.default_rng(0)
    networks = [f"network_{index}" for index in range(count)]
    pairs, layers, epochs = [], [], []
    for seed in range(seeds):
        for index, network in enumerate(networks):
            place = {"seed": seed, "network": network}
            values = np.sort(rng.gamma(1, 10.0**index / 10, 15))[::-1]
            values[-1] *= -1
            parts = rng.dirichlet([2, 1, 1, 1], 15)[:, :3].T
            pairs.append(
                pd.DataFrame(
                    {
                        "eigenvector": range(1, 16),
                        "eigenvalue": values,
                        **dict(zip(MOMENTS, parts, strict=True)),
                        "total": parts.sum(axis=0),
                        "class_mean": 0.9 * parts[0],
                        "placebo_high": 0.3,
                        "placebo_all_high": 0.5,
                        **place,
                    }
                )
            )
            layers.append(
                pd.DataFrame(
                    {"layer": LAYERS, "share": rng.dirichlet([1] * 4), **place}
                )
            )
            accuracy = np.linspace(0.1, 0.9, 10)
            epochs.append(
                pd.DataFrame(
                    {
                        "epoch": range(1, 11),
                        **{
                            f"{split}_loss": 3 - accuracy for split in ("train", "test")
                        },
                        **{
                            f"{split}_accuracy": accuracy for split in ("train", "test")
                        },
                        **place,
                    }
                )
            )
    return networks, *(pd.concat(frames) for frames in (pairs, layers, epochs))


def draw_all(count, seeds=1, classes=10):
    networks, pairs, layers, epochs = tables(count, seeds)
    norms = pairs.groupby(["seed", "network"], as_index=False).size()
    norms["norm"] = 60.0
    middle = {name: 1.0 + index for index, name in enumerate(networks)}
    outliers = min(classes - 1, 15)
    article = {networks[0]: [3.0, 2.0, 1.0]}
    moments = {networks[0]: {name: [0.3, 0.2] for name in MOMENTS}}
    colours, shares = drawing.colours(networks), {networks[0]: {"prep_conv": 2.0}}
    return {
        "18": plot_parameter_norms.draw(
            norms, middle, networks, {}, {networks[0]: 61.0}
        ),
        "29": plot_gradient_norms.draw(layers, middle, colours, "title", shares),
        "31": plot_eigenvalues.draw(pairs, "title", middle, 0.9, article),
        "35": plot_mean_overlaps.draw(
            pairs, outliers, middle, networks, "title", moments
        ),
        "36": plot_overlaps.draw(pairs, networks, "title", moments),
        "37": plot_scaled_overlaps.draw(pairs, networks, "title", article),
        "38": plot_projected_eigenvalues.draw(
            [pairs] * 3, [middle] * 3, networks, "title", [article, {}, article]
        ),
        "39": plot_training.draw(epochs, networks, "title", {networks[0]: [0.5, 0.6]}),
    }


@pytest.mark.parametrize(
    "count", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (3, 8, 12))]
)
@pytest.mark.parametrize(("seeds", "classes"), [(1, 10), (3, 2), (1, 20)])
def test_figures_have_a_place_for_every_network(count, seeds, classes, tmp_path):
    for number, figure in draw_all(count, seeds, classes).items():
        svg, png = tmp_path / f"{number}.svg", tmp_path / f"{number}.png"
        drawing.save(figure, str(svg), str(png))
        assert svg.stat().st_size > 5000
        assert png.stat().st_size > 5000
        texts = " ".join(text.get_text() for text in figure.findobj(match=_is_text))
        for index in range(count):
            assert f"network {index}" in texts, number
        assert "nan" not in texts, number
        assert "Grey marks are the article's values." in texts, number
        for panel in contents(figure)["panels"]:
            assert panel["box"][2] <= 72 * drawing.WIDEST, (number, panel["label"])


def _is_text(artist):
    return hasattr(artist, "get_text")


def test_the_same_results_give_the_same_bytes(tmp_path):
    first, second = draw_all(3), draw_all(3)
    for number in first:
        paths = [tmp_path / f"{number}.{copy}.svg" for copy in "ab"]
        for figure, path in zip((first[number], second[number]), paths, strict=True):
            drawing.save(figure, str(path), str(path.with_suffix(".png")))
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_last_bits_of_the_layout_do_not_show(tmp_path):
    pictures = []
    for left in (0.1, np.nextafter(0.1, 1)):
        figure = Figure()
        figure.set_layout_engine("none")
        figure.add_axes((left, 0.1, 0.8, 0.8)).plot([0, 1])
        drawing.save(figure, str(tmp_path / "a.svg"), str(tmp_path / "a.png"))
        pictures.append((tmp_path / "a.svg").read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("number", "count", "said"),
    [
        # Dots of 2 seeds; bars, dots and the article's of a layer; eigenvalues, the
        # article's and the peak rates; parts of bars; dots of 2 splits and quantities.
        ("18", 4 + 1, "network 1, seed 1: 60"),
        ("29", 2 * 4 * (1 + 2) + 1, "network 0, prep conv in the article: 100.0\xa0%"),
        ("31", 4 * 15 + 3 + 2, "network 0, v2 in the article: 2"),
        ("35", 2 * 15 + 2, "network 0, v2 in the article: 0.2"),
        ("36", 2 * 15 * 3 + 2, "network 0, v1 in the article: 0.9"),
        ("37", 2 * 15 * 4 + 3, "network 0, v1 in the article: 3"),
        ("38", 3 * (4 * 15 + 2) + 6, "network 1, largest, whole Hessian: 2"),
        ("39", 2 * 2 * 2 * 10 + 2, "network 1, epoch 10, loss on test images: 2.1"),
    ],
)
def test_every_mark_answers(number, count, said):
    figure = draw_all(2, seeds=2)[number]
    found = [mark.get_gid() for mark in figure.findobj() if mark.get_gid()]
    found = [words for words in found if words.startswith(drawing.TIP)]
    assert len(found) == count
    assert drawing.TIP + said in found


def test_a_network_has_one_colour_whatever_is_shown():
    names = [f"network_{index}" for index in range(8)]
    assert len(set(drawing.colours(names).values())) == 8
    assert drawing.colours(names)["network_2"] == drawing.PALETTE[2]


def test_bars_reach_the_sum_of_their_parts():
    networks, pairs, *_ = tables(2, 1)
    figure = plot_overlaps.draw(pairs, networks, "title", {})
    tops = [bar.get_y() + bar.get_height() for bar in figure.axes[0].patches]
    expected = pairs[pairs.network == networks[0]].total
    np.testing.assert_allclose(tops[-15:], expected)


@pytest.mark.parametrize(("seeds", "expected"), [(1, 0.3), (3, 0.4)])
def test_rivals_are_marked_at_each_bar_by_their_median_over_seeds(seeds, expected):
    networks, pairs, *_ = tables(2, seeds)
    pairs["placebo_high"] = 0.3 + 0.1 * pairs.seed
    pairs["class_mean"] = pairs.placebo_high / 2
    first = dict.fromkeys(networks, 1)
    figure = plot_mean_overlaps.draw(pairs, 9, first, networks, "title", {})
    for axis in figure.axes:
        lines, circles = axis.collections[-2:]
        heights = [height for line in lines.get_segments() for height in line[:, 1]]
        np.testing.assert_allclose(heights, [expected] * 30)
        middles = [line[:, 0].mean() for line in lines.get_segments()]
        np.testing.assert_allclose(middles, range(1, 16))
        places = [(number, expected / 2) for number in range(1, 16)]
        np.testing.assert_allclose(circles.get_offsets(), places)
    words = figure.legends[0].get_texts()
    assert ["95 %" in text.get_text() for text in words] == [True, False, False]


def test_the_mean_of_the_first_is_the_median_over_seeds():
    table = pd.DataFrame(
        {
            "network": ["a"] * 9, "seed": [0, 0, 0, 1, 1, 1, 2, 2, 2],
            "eigenvector": [1, 2, 3] * 3, "mean": [1, 3, 99, 2, 2.5, 9, 7, 9, 0],
        }
    )  # fmt: skip
    assert spectra.means_of_first(table, "mean", 2) == {"a": 2.25}


def test_a_title_names_the_networks_of_the_argument():
    roles = {"frozen": "b", "batch_norm": "a_1", "none": "c", "post": "d"}
    values = {"d": 4, "c": 3, "b": 2.25, "a_1": 1.25}
    said = "1.2 with a 1, 2.2 with b, 3.0 with c"
    assert drawing.of_roles(values, roles, ".1f") == said
    assert drawing.of_roles({"d": "4"}, roles) == "4 with d"
    assert drawing.of_roles(values | {"e": 5}, {"none": "c"}) == "4 with d, 3 with c"
    assert drawing.of_roles(values, roles, named=["post", "none"]) == (
        "4 with d, 3 with c"
    )


def test_arrows_lead_from_the_largest_curvature_to_the_largest():
    networks, pairs, *_ = tables(1, 1)
    largest = [{networks[0]: value} for value in (8.0, 2.0, 0.5)]
    figure = plot_projected_eigenvalues.draw(
        [pairs] * 3, largest, networks, "title", [{}, {}, {}]
    )
    arrows = [
        (text.xyann[0], text.xy[0])
        for text in figure.axes[0].texts
        if hasattr(text, "xyann")
    ]
    assert arrows == [(8, 2), (2, 0.5)]
    assert "network 0: 8 → 2 → 0.5" in [
        text.get_text() for text in figure.axes[0].texts
    ]


def test_a_peak_rate_is_marked_at_the_curvature_that_it_stands():
    networks, pairs, *_ = tables(1, 1)
    figure = plot_eigenvalues.draw(pairs, "title", {networks[0]: 0.5}, 0.9, {})
    (axis,) = figure.axes
    (mark,) = [m for m in axis.collections if "peak rate" in (m.get_gid() or "")]
    assert mark.get_offsets()[0][0] == pytest.approx(2 * 1.9 / 2.8 / 0.5)
    (top,) = axis.child_axes
    figure.draw_without_rendering()
    at = [a.transData.transform((x, 0))[0] for a, x in ((axis, 0.1), (top, 13.571))]
    assert at[0] == pytest.approx(at[1], abs=0.1)


def test_a_style_of_the_users_changes_nothing(tmp_path):
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\ntext.usetex: true")
    program = (
        "from matplotlib import rcParams as style\nimport normscope.figures.drawing\n"
        "print(style['lines.linewidth'], style['text.usetex'])"
    )
    printed = subprocess.check_output(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        text=True,
    )
    assert printed.split() == ["1.5", "False"]

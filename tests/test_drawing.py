"""Figures of any number of networks, classes and seeds, and the same bytes twice."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
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
                pd.DataFrame({"layer": LAYERS, "square": rng.gamma(1, 1, 4), **place})
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
    colours = drawing.colours(networks)
    three = dict.fromkeys(("before", "between", "after"), (pairs, article))
    return {
        "18": plot_parameter_norms.draw(norms, middle, networks, {networks[0]: 61.0}),
        "29": plot_gradient_norms.draw(
            layers, middle, middle, colours, "cat", {networks[0]: {"prep_conv": 2.0}}
        ),
        "31": plot_eigenvalues.draw(pairs, middle, networks, article),
        "35": plot_mean_overlaps.draw(pairs, outliers, middle, networks, moments),
        "36": plot_overlaps.draw(pairs, outliers, middle, networks, moments),
        "37": plot_scaled_overlaps.draw(pairs, middle, networks, article),
        "38": plot_projected_eigenvalues.draw(three, middle, networks),
        "39": plot_training.draw(epochs, middle, networks, {networks[0]: [0.5, 0.6]}),
    }


@pytest.mark.parametrize(
    "count", [1, 3, *(pytest.param(n, marks=pytest.mark.long) for n in (8, 12))]
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
        assert "grey marks: the article" in texts, number


def _is_text(artist):
    return hasattr(artist, "get_text")


def test_the_same_results_give_the_same_bytes(tmp_path):
    first, second = draw_all(3), draw_all(3)
    for number in first:
        paths = [tmp_path / f"{number}.{copy}.svg" for copy in "ab"]
        for figure, path in zip((first[number], second[number]), paths, strict=True):
            drawing.save(figure, str(path), str(path.with_suffix(".png")))
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_network_has_one_colour_whatever_is_shown():
    names = [f"network_{index}" for index in range(8)]
    assert len(set(drawing.colours(names).values())) == 8
    assert drawing.colours(names)["network_2"] == drawing.PALETTE[2]


def test_bars_reach_the_sum_of_their_parts():
    networks, pairs, *_ = tables(2, 1)
    figure = plot_overlaps.draw(pairs, 9, {}, networks, {})
    tops = [bar.get_y() + bar.get_height() for bar in figure.axes[0].patches]
    expected = pairs[pairs.network == networks[0]].total
    np.testing.assert_allclose(tops[-15:], expected)


@pytest.mark.parametrize(("seeds", "expected"), [(1, 0.3), (3, 0.4)])
def test_rivals_are_marked_at_each_bar_by_their_median_over_seeds(seeds, expected):
    networks, pairs, *_ = tables(2, seeds)
    pairs["placebo_high"] = 0.3 + 0.1 * pairs.seed
    pairs["class_mean"] = pairs.placebo_high / 2
    figure = plot_mean_overlaps.draw(pairs, 9, dict.fromkeys(networks, 1), networks, {})
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

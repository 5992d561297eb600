"""Channel plots: their curves, axes and words, and figures of steps."""

import numpy as np
import pandas as pd
import pytest
from test_channel_figures import CHAIN, CONV, layer, outcomes, texts

import plot_activations
import plot_initialisation
import plot_random_steps
import plot_step_losses
from normscope.figures import channel_panels, channel_plots, drawing, untrained


def test_densities_are_drawn_as_they_are():
    values = layer(2, 3.0)
    figure = channel_panels.draw_panels({"a": values}, 1, lambda _: (-7, 7))
    (axis,) = figure.axes
    for polygon, density in zip(axis.patches, values["density"], strict=True):
        x, y = polygon.get_xy().T
        x, y = x[1:-2], y[1:-2]  # of the curve alone
        inside = (values["grid"] >= x[0]) & (values["grid"] <= x[-1])
        drawn = np.interp(values["grid"][inside], x, y)
        np.testing.assert_allclose(drawn, density[inside], atol=0.0051 * density.max())
        assert y.max() == density.max()
        assert len(x) < 60
    dots = axis.collections[0].get_offsets()
    np.testing.assert_allclose(dots[:, 0], values["mean"])


def test_limits_widen_until_every_mean_is_inside():
    assert channel_plots.around_means((-3, 8), layer(3)) == (-3, 8)
    low, high = channel_plots.around_means((-3, 8), layer(10, 1.5))
    assert (low, high >= 13) == (-3, True)
    low, high = channel_plots.around_means((-3, 8), layer(10, -1.0))
    assert (low <= -9, high) == (True, 8)


@pytest.mark.parametrize(
    ("means", "deviation", "expected"),
    [
        ([-1, 1], 1, (-7, 7)),
        ([0, 1], 10, (-30, 35)),
        ([0, 2], 2, (-10, 10)),
        ([0.2, 1.1], 0.1, (-0.5, 1.5)),
        ([0.5, 0.6], 0.01, (0, 0.65)),
        ([0, 0], 0, (-7, 7)),
    ],
)
def test_limits_have_room_for_three_deviations_and_are_filled(
    means, deviation, expected
):
    channels = {"mean": np.array([*means, 99.0]), "std": np.full(3, float(deviation))}
    channels["density"] = np.ones((2, 5))  # the third channel is not shown
    assert channel_plots.around_values((-7, 7), channels) == pytest.approx(expected)
    if expected[1] < 7:
        assert channel_plots.around_values((-7, 7), channels, least=0) == (-7, 7)


def test_untrained_layers_have_one_axis_and_narrow_ones_a_frame():
    wide, narrow = layer(3, 4.0), layer(3)
    narrow |= {name: narrow[name] / 10 for name in ("grid", "mean", "std")}
    figure = plot_initialisation.draw(CHAIN, {"fc1": wide, "fc50": narrow})
    first, last = figure.axes
    assert first.get_xlim() == last.get_xlim()
    assert first.get_xlim()[1] > 8
    assert not first.child_axes
    (frame,) = last.child_axes
    low, high = (narrow["mean"] + sign * 3 * narrow["std"] for sign in (-1, 1))
    assert frame.get_xlim()[0] <= low.min()
    assert high.max() <= frame.get_xlim()[1] < 1


def test_softplus_is_drawn_with_its_jump():
    difference = plot_activations.draw().axes[1]
    before, after = (line.get_xydata() for line in difference.lines[:2])
    assert before[-1] == pytest.approx([0.25, np.log1p(np.exp(2.5)) / 10 - 0.25])
    assert after[0] == pytest.approx([0.251, 0])
    said = {line.get_gid() for line in difference.lines[2:]}
    assert {
        "tip: difference, x = 0: 0.0693",
        "tip: difference, x = 0.25: 0.00789",
    } < said


def test_panels_say_what_their_axes_hide_and_that_these_differ():
    values = layer(2)
    low, high = values["min"].min(), values["max"].max()

    def drawn(limits):
        panels = {"a": values, "b": values}
        figure = channel_panels.draw_panels(
            panels, 2, lambda _: next(limits), extremes=True
        )
        return texts(figure), [text.get_text() for text in figure.texts]

    said, notes = drawn(iter([(-9, 9), (-9, 9)]))
    assert (notes, "\N{RIGHTWARDS ARROW}" in said) == ([], False)
    said, notes = drawn(iter([(-9, 9), (-1, 1)]))
    assert len(notes) == 1
    assert f"\N{LEFTWARDS ARROW} \N{MINUS SIGN}{-low:.1f}" in said
    assert f"{high:.1f} \N{RIGHTWARDS ARROW}" in said


def test_experiments_have_a_name_in_words():
    after = {"norm": "batch", "norm_position": "after_activation", "inputs": "gaussian"}
    assert untrained.words(CHAIN) == "ReLU chain of 20 layers"
    assert untrained.words(CONV) == "Untrained conv net with no batch norm, on images"
    assert untrained.words(after | {"frozen": True}) == (
        "Untrained conv net with frozen post-activation batch norm, on noise"
    )


def test_a_change_of_the_loss_is_never_said_to_be_0():
    assert plot_random_steps.said(-1e-5) == f"less than {drawing.percent(0.001, 'g')}"
    assert plot_random_steps.said(-0.0123) == "-1.2\N{NO-BREAK SPACE}%"


def test_step_losses_are_drawn_as_rises_from_each_networks_own():
    table = outcomes(3)
    both = pd.concat([table.assign(network="a"), table.assign(network="b")])
    both.loc[both.network == "b", "loss"] += 5
    for axis in plot_step_losses.draw(both, ["a", "b"], {}).axes:
        dots = {dot.get_gid(): dot.get_xdata()[0] for dot in axis.lines}
        for direction, words in (
            ("mean_1", "gradient of the mean of logit 2"),
            ("eigenvector_1", "v1"), ("eigenvector_1_minus", "v1 backwards"),
        ):  # fmt: skip
            rise = table.loss[direction] - table.loss["none"]
            said = drawing.tip(axis.get_label(), words, f"{rise:+.2g}")
            assert dots[said] == pytest.approx(rise)

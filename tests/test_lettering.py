"""Names of users in figures: as they are, within the figure, and never markup."""

import xml.etree.ElementTree as ET
from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from test_channel_figures import layer, outcomes, stress
from test_drawing import tables

import plot_eigenvector_steps
import plot_gradient_norms
import plot_layer_shifts
import plot_learning_rate_stress
import plot_mean_overlaps
import plot_mean_steps
import plot_random_steps
import plot_singular_values
import plot_step_losses
from normscope.figures import drawing, lettering
from normscope.page import pictures

MARKUP = (
    "$5_to_$10", "US$1-US$5", r"\alpha_{x}^2 100% #~", "<b>&amp;</b>--><script>",
    "_leads", r"C:\$new\$folder", "{braces} {0}", "caf\u00e9", " ", "$",
)  # fmt: skip
LONG = (
    "Tomato___Tomato_Yellow_Leaf_Curl_Virus_(variant_1)",
    "Tomato___Tomato_Yellow_Leaf_Curl_Virus_(variant_2)",
    "Corn_(maize)___Cercospora_leaf_spot Gray_leaf_spot",
    "W" * 200,
)


def draw_all(classes):
    """Every figure in which names of classes stand."""
    count = len(classes)
    after = [layer(count, 0.3, seed) for seed in range(count)]
    before, table = layer(count), outcomes(count)
    convs = {name: layer(4) for name in ("prep_conv", "classifier_conv")}
    networks, _, layers, _ = tables(3, 1)
    colours, totals = drawing.colours(networks), dict.fromkeys(networks, 1.0)
    return [
        plot_random_steps.draw("mine", after[:2], table, 0.01, classes),
        plot_mean_steps.draw("mine", before, after, table, 0.01, classes),
        plot_eigenvector_steps.draw(
            "mine", before, after[:1] * 3, table, 0.01, classes
        ),
        plot_layer_shifts.draw("mine", convs, convs, table, 0.01, classes[0]),
        plot_gradient_norms.draw(
            layers, totals, colours, lettering.fitted(classes[0]), {}
        ),
    ]


def drawn_texts(figure):
    """What text is drawn; fails where some is markup, or outside the figure."""
    figure.draw_without_rendering()
    left, bottom, right, top = figure.get_tightbbox().extents
    assert min(left, bottom) >= -0.01
    assert max(right - figure.get_figwidth(), top - figure.get_figheight()) <= 0.01
    found = [text for text in figure.findobj(Text) if text.get_visible()]
    assert not any(text.get_parse_math() or text.get_usetex() for text in found)
    return [text.get_text() for text in found]


@pytest.mark.parametrize("classes", [MARKUP, LONG])
def test_names_are_drawn_as_they_are_within_the_figure(classes):
    for number, figure in enumerate(draw_all(list(classes))):
        said = "\n".join(drawn_texts(figure))
        for name in classes if number < 3 else classes[:1]:
            assert (name[:8] if name in LONG else name) in said
        titles = [axis.title.get_window_extent() for axis in figure.axes]
        legends = [text.get_window_extent() for text in legend_texts(figure)]
        for boxes in (titles, legends):
            for one, other in combinations(boxes, 2):
                assert min(one.width, other.width) < 1 or not one.overlaps(other)


def test_names_are_no_markup_in_a_page(tmp_path):
    figure = draw_all(["--><script>", "<b>&amp;</b>"])[0]
    svg = tmp_path / "a.svg"
    drawing.save(figure, str(svg), str(tmp_path / "a.png"))
    ET.parse(svg)
    picture = pictures.read(svg, 19, "")
    shown = "".join(panel.svg for panel in picture.panels)
    assert "&lt;script" in shown
    assert "<script" not in shown
    assert "<b>" not in shown


def legend_texts(figure):
    return [text for legend in figure.legends for text in legend.get_texts()]


def test_channels_have_all_names_in_the_legend():
    for figure in draw_all(list(MARKUP))[:3]:
        names = [text.get_text() for text in legend_texts(figure)]
        assert names[: len(MARKUP)] == list(MARKUP)


def test_long_names_of_networks_stay_within_the_figure():
    networks = ["n" * 120, *(f"{'a_long_name_' * 7}{number}" for number in range(3))]
    _, pairs, layers, _ = tables(4, 1)
    named = dict(zip(sorted(set(pairs.network)), networks, strict=True))
    pairs, layers = (
        table.assign(network=table.network.map(named)) for table in (pairs, layers)
    )
    steps = pd.concat(outcomes(3).assign(network=network) for network in networks)
    ones = dict.fromkeys(networks, 1.0)
    for figure in (
        plot_learning_rate_stress.draw(stress(networks, 1), networks, "title", 9, {}),
        plot_gradient_norms.draw(layers, ones, drawing.colours(networks), "title", {}),
        plot_mean_overlaps.draw(pairs, 9, ones, networks, "title", {}),
        plot_step_losses.draw(steps, networks, {}),
    ):
        assert sum(lettering.ELLIPSIS in text for text in drawn_texts(figure)) >= 4


def test_log_axes_have_plain_numbers():
    table, names = stress(["a", "b"], 1), ["a", "b"]
    values = {n: np.sort(np.random.default_rng(n).gamma(1, 1, 64)) for n in (1, 5)}
    for figure in (
        plot_learning_rate_stress.draw(table, names, "title", 9, {}),
        plot_learning_rate_stress.draw(table[table.epoch < 3], names, "title", 9, {}),
        plot_singular_values.draw({"width": 64}, values),
    ):
        said = drawn_texts(figure)
        assert "$" not in "".join(said)
        assert {"0.01", "1e-02"} & set(said)


def test_names_that_fit_are_not_changed_and_others_keep_both_ends():
    assert lettering.fitted("tabby cat") == "tabby cat"
    first, second = lettering.fitted(LONG[0]), lettering.fitted(LONG[1])
    assert first != second
    assert first.startswith("Tomato___Tom")
    assert first.endswith("(variant_1)")
    assert lettering.width(first) <= lettering.NAME
    assert lettering.fitted("W" * 99, inches=0.01) == lettering.ELLIPSIS


@pytest.fixture
def few_fonts():
    """The font families as they are at the start of a job."""
    lettering.fitted.cache_clear()
    lettering._drawable.cache_clear()
    with matplotlib.rc_context({"font.family": ["DejaVu Sans"]}):
        yield matplotlib.rcParams
    lettering.fitted.cache_clear()
    lettering._drawable.cache_clear()


def test_a_letter_is_taken_from_a_font_that_has_it(few_fonts):
    script = "\U0001d49c"  # that STIX has, and DejaVu Sans has not
    assert lettering.fitted(script) == script
    assert len(few_fonts["font.family"]) == 2
    figure = draw_all([script, "dog"])[1]
    assert script in drawn_texts(figure)  # and no warning


def test_letters_that_no_font_has_are_written_as_codes(few_fonts):
    nowhere = "\U0010fffd\U0010fffc"
    assert lettering.fitted(f"a{nowhere}") == r"a\U0010fffd\U0010fffc"
    assert lettering.fitted("a\nb\u200dc\tb") in ("a bc b", "a b\u200dc b")
    figure = draw_all([nowhere, "dog"])[1]
    assert r"\U0010fffd\U0010fffc" in drawn_texts(figure)

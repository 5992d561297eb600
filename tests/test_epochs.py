"""The page's slider over epochs: its data, and in a real browser."""

import json
import re
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
import small_page
import test_page
from path_files import EPOCHS

from normscope import store
from normscope.page import sliders

browser, page = test_page.browser, test_page.page  # fixtures
in_browser = [test_page.pytestmark[1], pytest.mark.alone]
SECTION = re.compile(
    r'<section class="walk kind" id="epochs".*?</section>\n', re.DOTALL
)
NETWORKS = list(small_page.NETWORKS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a run with a path, the files that the slider shows, and the page."""
    results = tmp_path_factory.mktemp("small")
    logits = small_page.run_with_path(results)
    return results, logits, small_page.render(results, logits)


def test_a_run_has_the_slider_where_it_has_a_path_and_else_the_same_page(
    made, tmp_path
):
    _, _, text = made
    small_page.run_with_path(tmp_path / "small")
    without = small_page.render(tmp_path / "small", [])
    found = SECTION.findall(text)
    assert len(found) == 1
    assert 'id="epochs' not in without
    assert SECTION.sub("", text) == without
    section = text.split('<h2 id="breaks">')[1].split("<h2")[0]
    assert found[0] in section


def test_the_sliders_data_are_those_of_the_tables(made):
    results, logits, text = made
    (section,) = SECTION.findall(text)
    data = json.loads(re.search(r"<script[^>]*>(.*?)</script>", section)[1])
    assert data == json.loads(sliders.epochs(logits)["data"])
    assert data["epochs"] == EPOCHS
    assert data["limit"] == 1.357
    assert [each["name"] for each in data["networks"]] == NETWORKS
    for network in data["networks"]:
        folder = results / "seed0" / network["name"]
        table = pd.read_csv(folder / "training_path.csv")
        for name, column in (("product", "lambda_1"), ("sharpness", "batch_sharpness")):
            values = table.learning_rate * table[column]
            shown = [np.nan if v is None else v for v in network[name]]
            np.testing.assert_allclose(shown, values.where(values > 0), rtol=0.005)
        overlaps = pd.read_csv(folder / "path_overlaps.csv")
        shares = [v["shares"] for rows in network["overlaps"] for v in rows]
        columns = overlaps[["mean", "variance", "third_moment"]]
        np.testing.assert_allclose(shares, columns, atol=1e-4)
        arrays, _ = store.read(str(folder / "path_logits.h5"))
        of = network["directions"]["epochs"]
        levels = np.frombuffer(b64decode(of["density"]), np.uint8)
        peaks = np.array(of["peaks"])[:, :, None]
        density = levels.reshape(arrays["density"].shape) / 255 * peaks
        np.testing.assert_allclose(density, arrays["density"], atol=0.003 * peaks.max())
        for key, name in {"loss": "loss", "share": "predicted_share"}.items():
            np.testing.assert_allclose(of[key], arrays[name], atol=1e-4)


@pytest.fixture
def folder(made):
    return made[0]


def seen(opened):
    """What the slider says, and what stands in the networks that are shown."""
    cells = [cell for cell in opened.locator("#epochs [data-cell]").all()]
    return opened.inner_text("#epochs output"), {
        cell.get_attribute("data-network"): (
            cell.locator("dd").all_inner_texts(),
            cell.locator("svg").evaluate_all(
                "all => all.map((each) => each.innerHTML)"
            ),
        )
        for cell in cells
        if cell.is_visible()
    }


def marked(opened):
    """Where the marker stands, as a share of the way, in each network that is shown."""
    return [
        float(re.match(r"M([\d.]+)", mark.get_attribute("d"))[1])
        for mark in opened.locator("#epochs [data-cell]:visible [data-now]").all()
    ]


@pytest.mark.parametrize("width", [390, 1280])
def test_key_mouse_and_finger_move_all_pictures(page, width):
    opened = page(width=width, touch=True)
    slider = opened.locator("#epochs-epoch")
    slider.scroll_into_view_if_needed()
    said, start = seen(opened)
    assert said == "10"
    assert list(start) == NETWORKS[:2]
    assert start[NETWORKS[0]][0] == ["1.50", "55 %", "cat, for 50 % of the images"]
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    moves = {
        "0": lambda: (slider.focus(), opened.keyboard.press("Home")),
        "1": lambda: opened.keyboard.press("ArrowRight"),
        "20": lambda: opened.mouse.click(box["x"] + box["width"] - 2, middle),
        "2": lambda: opened.touchscreen.tap(box["x"] + 0.4 * box["width"], middle),
    }
    places = {}
    for expected, move in moves.items():
        before = seen(opened)[1]
        move()
        said, after = seen(opened)
        assert said == slider.get_attribute("aria-valuetext") == expected
        for name in NETWORKS[:2]:
            (facts, pictures), (old_facts, old) = after[name], before[name]
            assert facts != old_facts
            changed = [a != b for a, b in zip(pictures, old, strict=True)]
            # Overlaps are made to change at epoch 20 alone.
            assert changed == [True, "20" in (expected, places and [*places][-1]), True]
        places[expected] = marked(opened)
    first, last = places["0"][0], places["20"][0]
    for epoch, (one, other) in places.items():
        assert one == other == pytest.approx(first + (last - first) * int(epoch) / 20)


def test_one_switch_is_for_these_pictures_too(page):
    opened = page()
    opened.locator(f"#network-switch input[value={NETWORKS[2]}]").check()
    opened.locator(f"#network-switch input[value={NETWORKS[0]}]").uncheck()
    _, shown = seen(opened)
    assert list(shown) == NETWORKS[1:]
    assert all(all(pictures) for _, pictures in shown.values())


def test_marks_say_their_numbers(page):
    opened = page()
    opened.locator("#epochs-epoch").focus()
    opened.keyboard.press("End")
    figure = opened.locator("#epochs [data-marks=overlaps]").first
    figure.focus()
    opened.keyboard.press("ArrowRight")
    said = "v1: means 80 %, variances 5 %, third central moments 5 %; placebos 10 %"
    assert opened.locator("#tip").inner_text() == said
    opened.keyboard.press("Escape")
    opened.locator("#epochs [data-marks=edge]").nth(1).locator("circle").first.hover()
    said = "epoch 1, rate x largest eigenvalue: 3"
    assert opened.locator("#tip").inner_text() == said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_the_section_fits_and_is_readable(page, width, scheme):
    opened = page(width=width, scheme=scheme)
    test_page.everything(opened)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    sizes = opened.locator("#epochs svg text").evaluate_all(
        """all => all.map((text) => parseFloat(getComputedStyle(text).fontSize) *
            text.ownerSVGElement.getBoundingClientRect().width /
            text.ownerSVGElement.viewBox.baseVal.width)"""
    )
    assert min(sizes) >= test_page.SMALLEST
    outside = opened.locator("#epochs svg text").evaluate_all(
        """all => all.filter((text) => {
            const [own, frame] = [text, text.ownerSVGElement].map(
                (each) => each.getBoundingClientRect());
            return own.left < frame.left - 1 || own.right > frame.right + 1;
        }).map((text) => text.textContent)"""
    )
    assert outside == []
    found = test_page.axe.Axe().run(opened, context="#epochs").response["violations"]
    assert [f["id"] for f in found if f["impact"] in ("serious", "critical")] == []


def test_paper_has_the_pictures_and_no_slider(page):
    opened = page()
    opened.emulate_media(media="print")
    assert opened.locator("#epochs-epoch").is_hidden()
    assert opened.inner_text("#epochs output") == "10"
    assert list(seen(opened)[1]) == NETWORKS[:2]

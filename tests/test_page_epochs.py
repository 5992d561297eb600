"""The slider over epochs in a real browser."""

import re

import pytest
import small_page
import test_epochs
import test_page

made = test_epochs.made  # fixtures
browser, page = test_page.browser, test_page.page
pytestmark = test_page.pytestmark
NETWORKS = list(small_page.NETWORKS)


@pytest.fixture
def folder(made):
    return made[0]


def seen(opened):
    """What the slider says, and what stands in the networks that are shown."""
    return opened.inner_text("#epochs output"), {
        cell.get_attribute("data-network"): (
            cell.locator("dd").all_inner_texts(),
            cell.locator("svg").evaluate_all(
                "all => all.map((each) => each.innerHTML)"
            ),
        )
        for cell in opened.locator("#epochs [data-cell]").all()
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


def test_the_section_offers_what_it_hides(page):
    opened = page()
    opened.locator("#epochs .also").click()
    assert list(seen(opened)[1]) == NETWORKS
    assert not opened.locator(".also").count()


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
    said = "epoch 2, rate x largest eigenvalue: 18"  # at epoch 1 it is below 0
    assert opened.locator("#tip").inner_text() == said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
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

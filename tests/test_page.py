"""The page in a real browser: headless Chromium, driven through Playwright."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is missing")
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is missing"
)
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))),
    None,
)
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here"),
]
SMALLEST = 11  # pixels of text
EIGENVALUE = r"[\w ]+, v\d+: -?[\d.e+-]+"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def folder(finished):
    return finished / "results/smoke"


@pytest.fixture
def page(browser, folder, tmp_path):
    """Open a copy of the page that is alone in its folder; say at the end if anything
    went wrong or was fetched.
    """
    opened = []

    def make(name="index.html", width=1280, scheme="light", touch=False):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            has_touch=touch,
        )
        page = context.new_page()
        page.problems, page.fetched = [], []
        page.on(
            "console",
            lambda m: page.problems.append(m.text) if m.type == "error" else None,
        )
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.fetched.append(request.url))
        copy = shutil.copy(folder / name, tmp_path)
        page.goto(Path(copy).as_uri())
        opened.append(page)
        return page

    yield make
    for page in opened:
        assert page.problems == []
        elsewhere = [url for url in page.fetched[1:] if not url.startswith("data:")]
        assert elsewhere == []
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1280])
@pytest.mark.parametrize("name", ["index.html", "claims.html"])
def test_it_fits_the_screen(page, name, width, scheme):
    opened = page(name, width, scheme)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate("document.body.innerText").strip()
    paper = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(map(int, re.findall(r"\d+", paper)[:3])) < 300
    assert dark == (scheme == "dark")


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_all_text_can_be_read(page, width):
    opened = page(width=width)
    everything(opened)
    small = opened.evaluate(
        """(smallest) => [...document.querySelectorAll("body *")].flatMap((element) => {
            const own = [...element.childNodes].some(
                (node) => node.nodeType === 3 && node.textContent.trim());
            if (!own || element.closest("script, style, .skip")) return [];
            const drawn = element.closest("svg");
            const scale = drawn
                ? drawn.getBoundingClientRect().width / drawn.viewBox.baseVal.width : 1;
            const size = parseFloat(getComputedStyle(element).fontSize) * scale;
            return size && size < smallest - 0.01 ? [[element.textContent, size]] : [];
        })""",
        SMALLEST,
    )
    assert small == []


def everything(opened):
    """Show all networks and open all claims."""
    for box in opened.locator("#network-switch input").all():
        box.check()
    opened.evaluate(
        "for (const d of document.querySelectorAll('details')) d.open = true"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "claims.html"])
def test_axe_finds_no_serious_fault(page, name, scheme):
    opened = page(name, scheme=scheme)
    found = axe.Axe().run(opened).response["violations"]
    grave = [
        (fault["id"], [node["html"][:120] for node in fault["nodes"]][:3])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_no_text_of_a_figure_is_black_on_dark(page):
    colours = page(scheme="dark").eval_on_selector_all(
        ".panel text", "all => all.map((each) => getComputedStyle(each).fill)"
    )
    assert len(colours) > 1000
    assert "rgb(0, 0, 0)" not in colours


def test_every_figure_is_shown_and_named(page, finished):
    opened = page()
    everything(opened)
    drawn = {
        path.stem[:2] for path in (finished / "results/smoke/figures").glob("*.svg")
    }
    anchors = opened.eval_on_selector_all("figure", "all => all.map((each) => each.id)")
    assert {anchor.split("-")[1] for anchor in anchors if anchor} == drawn
    assert len(set(anchors)) == len(anchors)
    empty = opened.eval_on_selector_all(
        ".panel",
        "all => all.filter((p) => p.getBoundingClientRect().width < 50).length",
    )
    assert empty == 0
    broken = opened.evaluate(
        """[...document.querySelectorAll("a[href^='#']")].map((a) => a.hash.slice(1))
            .filter((id) => id && !document.getElementById(id))"""
    )
    assert broken == []
    links = opened.eval_on_selector_all("a", "all => all.map((a) => a.href)")
    assert not [link for link in links if link.startswith("file:") and "#" not in link]


def shown(opened, kind):
    """The networks whose figures of a kind can be seen."""
    figures = opened.locator(f"#{kind} figure")
    return [
        figure.get_attribute("data-network")
        for figure in figures.all()
        if figure.is_visible()
    ]


def test_active_stands_beside_frozen_and_one_switch_is_for_all(page):
    opened = page()
    pair = ["batch_norm", "frozen_batch_norm"]
    assert shown(opened, "mean_steps") == shown(opened, "eigenvector_steps") == pair
    boxes = [
        opened.locator(f"#{kind} figure:visible").all() for kind in ("mean_steps",)
    ]
    left, right = (figure.bounding_box() for figure in boxes[0])
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]
    box = opened.locator("#network-switch input[value=no_batch_norm]")
    box.focus()
    opened.keyboard.press("Space")
    for kind in ("mean_steps", "layer_shifts", "eigenvector_steps"):
        assert shown(opened, kind) == [*pair, "no_batch_norm"]
    opened.evaluate("scrollTo(0, 3000)")
    assert opened.locator("#network-switch").bounding_box()["y"] < 100


def test_one_eigenvector_is_chosen_everywhere(page):
    opened = page()
    opened.locator("#overlaps [data-vector=v2]").first.click()
    assert opened.locator("#vector").input_value() == "v2"
    for kind in ("eigenvalues", "mean_overlaps", "overlaps"):
        chosen = opened.locator(f"#{kind} .chosen")
        assert chosen.count() > 0
        names = {mark.get_attribute("data-vector") for mark in chosen.all()}
        assert names == {"v2"}
    panels = opened.locator("#eigenvector_steps .panel.chosen")
    assert {panel.get_attribute("data-panel") for panel in panels.all()} == {"v2"}
    assert opened.locator("#walk-direction").input_value() == "eigenvector_2"
    opened.locator("#vector").select_option("")
    assert opened.locator(".chosen").count() == 0


def test_the_walk_moves_all_at_once(page):
    opened = page()

    def seen():
        facts = opened.locator("#walk-networks dd").all_inner_texts()
        pictures = opened.locator("#walk-networks svg").evaluate_all(
            "all => all.map((each) => each.innerHTML)"
        )
        return opened.inner_text("#walk-length-said"), facts, pictures

    said, facts, pictures = seen()
    assert re.fullmatch(r"\+\d.* %", said)
    assert all(facts)
    opened.locator("#walk-length").focus()
    opened.keyboard.press("Home")
    said_back, facts_back, pictures_back = seen()
    assert said_back.startswith("-")
    assert facts_back != facts
    assert all(a != b for a, b in zip(pictures, pictures_back, strict=True))
    opened.locator("#walk-direction").select_option("mean_1")
    assert seen()[2] != pictures_back


def test_the_slider_changes_the_descent(page):
    opened = page()
    path = opened.locator("#path")
    before = path.get_attribute("points")
    assert "diverges" in opened.inner_text("#fate")
    x = [float(point.split(",")[0]) - 150 for point in before.split()]
    assert x[1] / x[0] == pytest.approx(-1.2)
    opened.locator("#rate").focus()
    for _ in range(6):
        opened.keyboard.press("ArrowLeft")
    assert "multiplied by 0.90" in opened.inner_text("#fate")
    assert "converges" in opened.inner_text("#fate")
    assert path.get_attribute("points") != before


def test_marks_answer_pointer_key_and_finger(page):
    opened = page(touch=True)
    tip = opened.locator("#tip")
    assert tip.is_hidden()
    mark = opened.locator("#eigenvalues [data-vector]").first
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    opened.mouse.move(x, y)
    assert re.fullmatch(EIGENVALUE, tip.inner_text())
    opened.mouse.move(2, 2)
    assert tip.is_hidden()
    opened.touchscreen.tap(x, y + 8)  # a finger is not exact
    assert re.fullmatch(EIGENVALUE, tip.inner_text())
    opened.keyboard.press("Escape")
    assert tip.is_hidden()
    opened.locator("#eigenvalues [data-marks]").focus()
    opened.keyboard.press("ArrowRight")
    first = tip.inner_text()
    opened.keyboard.press("ArrowRight")
    assert tip.inner_text() != first
    opened.keyboard.press("Escape")
    opened.locator("button.term").first.focus()
    assert len(tip.inner_text()) > 20


def test_claims_open_by_their_links_and_are_filtered(page, finished):
    claims = pd.read_csv(finished / "results/smoke/claims.csv")
    opened = page()
    notes = opened.locator("details[data-mark]")
    assert notes.count() == len(claims)
    link = opened.locator("p a.claim").first
    name = link.inner_text()
    link.click()
    opened.locator(f"#{name}[open]").wait_for()
    opened.locator("[data-filter]").select_option("unmeasured")
    seen = [note for note in notes.all() if note.is_visible()]
    assert 0 < len(seen) < len(claims)
    assert {note.get_attribute("data-mark") for note in seen} == {"unmeasured"}


def test_paper_has_active_and_frozen_and_open_claims(page, tmp_path):
    opened = page()
    opened.emulate_media(media="print")
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown(opened, "mean_steps") == ["batch_norm", "frozen_batch_norm"]
    assert opened.locator("details:not([open])").count() == 0
    opened.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").stat().st_size > 100_000


def test_numbers_stand_in_the_sentences(page, finished):
    opened = page()
    words = set(re.findall(r"\{\{|\w+", opened.inner_text("main")))
    assert not words & {"{{", "nan"}
    assert opened.locator("main p b").count() > 40
    assert (finished / "results/smoke/index.html").stat().st_size < 8e6

"""The page in a real browser: headless Chromium, driven through Playwright."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from running import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is missing")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))),
    None,
)
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here"),
]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, finished):
    """Open the page; say at the end if anything went wrong or was fetched."""
    opened = []

    def make(name="index.html", width=1280, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        page = context.new_page()
        page.problems, page.fetched = [], []
        page.on(
            "console",
            lambda m: page.problems.append(m.text) if m.type == "error" else None,
        )
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.fetched.append(request.url))
        page.goto((finished / "results/smoke" / name).as_uri())
        opened.append(page)
        return page

    yield make
    for page in opened:
        assert page.problems == []
        elsewhere = [url for url in page.fetched[1:] if not url.startswith("data:")]
        assert elsewhere == []
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["index.html", "claims.html"])
def test_it_fits_the_screen(page, name, width, scheme):
    opened = page(name, width, scheme)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate("document.body.innerText").strip()
    paper = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(map(int, re.findall(r"\d+", paper)[:3])) < 300
    assert dark == (scheme == "dark")


def test_every_figure_has_a_size(page, finished):
    opened = page()
    opened.evaluate("for (const f of document.querySelectorAll('figure')) f.hidden = 0")
    sizes = opened.evaluate(
        """Promise.all([...document.images].map(async (image) => {
            await image.decode();
            return [image.naturalWidth, image.naturalHeight, image.clientWidth];
        }))"""
    )
    inline = opened.locator(".inline svg").count()
    drawn = list((finished / "results/smoke/figures").glob("*.svg"))
    assert len(sizes) + inline == len(drawn)
    assert all(min(size) > 50 for size in sizes)
    files = opened.eval_on_selector_all(
        "a[href]", "links => links.map(link => link.getAttribute('href'))"
    )
    for file in files:
        if not file.startswith("#"):
            assert (finished / "results/smoke" / file).exists(), file


def test_a_switch_changes_the_figure(page):
    opened = page()
    group = opened.locator(
        "fieldset[data-switch]", has=opened.locator("[name=mean_steps]")
    )
    figures = group.locator("xpath=..").locator("figure")
    visible = [figures.nth(i).is_visible() for i in range(figures.count())]
    assert visible == [True] + [False] * (len(visible) - 1)
    group.locator("input").first.focus()
    opened.keyboard.press("ArrowRight")
    visible = [figures.nth(i).is_visible() for i in range(figures.count())]
    assert visible == [False, True] + [False] * (len(visible) - 2)


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


def test_marks_answer_the_pointer(page):
    opened = page()
    assert opened.locator("#tip").is_hidden()
    for kind, said in (
        ("Figure 31", r"batch norm, v\d+: -?[\d.e+-]+"),
        ("Figure 36", r"batch norm, v\d+: (mean|variance|third moment) [\d.e+-]+"),
    ):
        figure = opened.locator("figure", has=opened.get_by_role("link", name=kind))
        mark = figure.locator("[data-tip]").first
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert re.fullmatch(said, opened.inner_text("#tip"))
    opened.mouse.move(2, 2)
    assert opened.locator("#tip").is_hidden()


def test_numbers_stand_in_the_sentences(page, finished):
    claims = yaml.safe_load((ROOT / "workflow/resources/claims.yaml").read_text())
    opened = page()
    text = opened.inner_text("main")
    assert "{{" not in text
    assert "nan" not in re.findall(r"\w+", text)
    assert opened.locator("main p b").count() > 15
    assert opened.locator("aside details").count() == len(claims)
    assert Path(finished / "results/smoke/index.html").stat().st_size < 15e6

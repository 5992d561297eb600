"""Links and buttons of the page that lead to what is hidden, in a real browser."""

import test_page

browser, folder, page = test_page.browser, test_page.folder, test_page.page  # fixtures
pytestmark = test_page.pytestmark
PAIR = ["batch_norm", "frozen_batch_norm"]


def test_a_link_to_a_figure_that_is_hidden_shows_it(page):
    opened = page()
    target = opened.locator("#figure-24-no_batch_norm")
    assert not target.is_visible()
    opened.evaluate("location.hash = 'figure-24-no_batch_norm'")
    target.wait_for()
    assert test_page.shown(opened, "mean_steps") == [*PAIR, "no_batch_norm"]
    assert 0 <= target.bounding_box()["y"] < 900


def test_a_link_to_a_claim_that_is_filtered_out_shows_it(page):
    opened = page()
    opened.locator("[data-filter]").select_option("unmeasured")
    link = opened.locator(".steps a.claim").first
    note = opened.locator(link.get_attribute("href"))
    assert not note.is_visible()
    link.click()
    note.wait_for()
    assert opened.locator("[data-filter]").input_value() == ""
    assert 0 <= note.bounding_box()["y"] < 900


def test_a_figure_offers_what_it_hides(page):
    opened = page()
    panels = opened.locator("#mean_overlaps .panel[data-network]:visible")
    assert panels.count() == len(PAIR)
    opened.locator("#mean_overlaps .also").click()
    assert panels.count() == opened.locator("#network-switch input").count()
    assert not opened.locator(".also").count()


def test_no_verdict_can_be_asked_for_that_no_claim_has(page):
    opened = page()
    offered = opened.eval_on_selector_all(
        "[data-filter] option", "all => all.map((option) => option.value)"
    )
    had = opened.eval_on_selector_all(
        "[data-mark]", "all => all.map((claim) => claim.dataset.mark)"
    )
    assert offered[0] == ""
    assert set(offered[1:]) == set(had)

"""Present: a key begins it, arrows lead from figure to figure, it goes along to other pages, Escape ends it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import settle
from benchmarks.serving import Server
from tests.browser.conftest import PATIENCE_MS
from tests.browser.contrast import too_pale


def test_figures_one_at_a_time(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/glossary")
    search, place = page.get_by_role("textbox"), page.locator(".present .place")
    search.press("p")
    expect(search).to_have_value("p", timeout=PATIENCE_MS)
    search.fill("")
    search.blur()
    expect(page.get_by_text("multiply-add", exact=True).first).to_be_visible()
    page.keyboard.press("p")
    expect(place).to_have_text("1 of 6", timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile(r"\bpresent=1\b"))
    first, second = (page.get_by_role("heading", name=name) for name in ("Tensors and shapes", "Layers"))
    expect(first).to_be_visible()
    expect(second).to_be_hidden()
    expect(search).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text("2 of 6")
    expect(second).to_be_visible()
    expect(first).to_be_hidden()
    page.get_by_role("button", name="Pages").click()
    page.locator(".present .pages").get_by_role("link", name="Convolution").click()
    expect(page).to_have_url(re.compile(r"/convolution\?.*\bpresent=1\b"), timeout=PATIENCE_MS)
    expect(place).to_have_text(re.compile("1 of [3-5]"), timeout=PATIENCE_MS)
    page.keyboard.press("Escape")
    expect(place).to_be_hidden(timeout=PATIENCE_MS)
    expect(page.get_by_role("combobox").first).to_be_visible()
    expect(page).not_to_have_url(re.compile("present"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_has_a_contrast_of_seven(server: Server, page: Page, theme: str) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.goto(f"{server.url}/architecture?model=small-cnn&view=code")
    expect(page.locator("code .token").first).to_be_visible(timeout=PATIENCE_MS)
    assert too_pale(page, "[data-testid=stMain]", 7)  # of words that matter less
    page.keyboard.press("p")
    place = page.locator(".present .place")
    for address, count in (("", 4), ("/?present=1", 5)):
        if address:
            page.goto(f"{server.url}{address}")
            expect(page.locator("[data-verdict]")).to_have_text(re.compile(r"^\d$"), timeout=PATIENCE_MS)
        for number in range(1, count + 1):
            expect(place).to_have_text(f"{number} of {count}", timeout=PATIENCE_MS)
            settle(page)  # a digit that draws itself changes what is said
            assert too_pale(page, "[data-testid=stMain]", 7) == []
            page.keyboard.press("ArrowRight")

"""A class's way through cnnviz, in a real browser."""

from __future__ import annotations

import re
from itertools import cycle
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import draw, overflow, settle
from benchmarks.serving import Server

expect.set_options(timeout=60_000)
PAGES = ("", "architecture", "convolution", "data", "train", "filters", "draw", "evaluate", "experiments")
POINTS = "(document.querySelector('[class*=st-key-loss-] .js-plotly-plot')?.calcdata?.[0]?.length ?? 0)"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def shown_well(page: Page) -> Locator:
    """The page's title, once the page has settled without an error."""
    settle(page)
    title = page.get_by_test_id("stMain").locator("h1")
    expect(title).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    return title


def verdicts(page: Page) -> Locator:
    return page.locator('[class*="st-key-verdict-"]')


def test_menu_leads_to_every_page(server: Server, page: Page) -> None:
    page.goto(server.url)
    shown_well(page)
    titles = []
    for name in (
        "Architecture",
        "Convolution",
        "Train",
        "Filters",
        "Draw",
        "Evaluate",
        "Experiments",
        "Home",
    ):
        page.locator(".st-key-menu").get_by_role("link", name=name, exact=False).click()
        expect(page).to_have_url(re.compile(f"/{'' if name == 'Home' else name.lower()}$"))
        titles.append(shown_well(page).inner_text())
    assert len(set(titles)) == len(titles)


def test_chinese_is_kept_from_page_to_page(server: Server, page: Page) -> None:
    page.goto(server.url)
    shown_well(page)
    page.get_by_role("radio", name="中文").or_(page.get_by_role("button", name="中文")).first.click()
    expect(page).to_have_url(re.compile(r"lang=zh"))
    for number in range(len(PAGES)):
        page.locator(".st-key-menu").get_by_role("link").nth(number).click()
        expect(page).to_have_url(re.compile(rf"/{PAGES[number]}\?.*lang=zh|/{PAGES[number]}\?lang=zh"))
        assert CHINESE.search(shown_well(page).inner_text())


def test_card_leads_to_the_networks_own_page(server: Server, page: Page) -> None:
    page.goto(server.url)
    shown_well(page)
    card = page.locator('.st-key-trained [data-name="inception-mini"]')
    card.get_by_role("link", name="Shapes explained").click()
    expect(page).to_have_url(re.compile("model=inception-mini"))
    shown_well(page)
    expect(page.get_by_text("1408").first).to_be_visible()


@pytest.mark.parametrize(("name", "language"), list(zip(PAGES, cycle(["en", "zh"]))))
def test_nothing_overflows_on_a_phone(server: Server, phone: Page, name: str, language: str) -> None:
    phone.goto(f"{server.url}/{name}?lang={language}")
    shown_well(phone)
    assert overflow(phone) <= 0


def test_training_shows_a_curve_that_moves_and_leaves_a_checkpoint(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/train?model=basic-cnn&dataset=mnist-sample&epochs=1")
    shown_well(page)
    counts = [0]
    page.locator(".st-key-start button").click()
    status = page.locator(".st-key-run-status")
    expect(status).to_be_visible()
    while "finished" not in status.inner_text().lower():
        counts.append(points(page))
        page.wait_for_timeout(150)  # the eyes of whoever watches; the page renews itself
        assert not re.search("failed|interrupted", status.inner_text(), re.IGNORECASE)
    page.wait_for_function(f"{POINTS} >= 60")  # 4,000 images in batches of 64
    assert len({*counts, points(page)}) > 1
    page.reload()
    expect(status).to_contain_text(re.compile("finished", re.IGNORECASE))
    shown_well(page)  # a click while the page is still being written would be lost
    page.get_by_role("link", name="Draw a digit for this network").click()
    expect(page).to_have_url(re.compile("/draw.*checkpoint="))
    draw(page, 1)
    expect(verdicts(page)).to_have_count(1)
    expect(verdicts(page).first).to_have_text(re.compile(r"^\d$"))


def points(page: Page) -> int:
    """How many points the loss curve has; 0 before it is drawn."""
    count: Any = page.evaluate(POINTS)
    return int(count)


def test_heading_of_a_short_card_leads_to_the_network_and_back(server: Server, page: Page) -> None:
    page.goto(server.url)
    shown_well(page)
    heading = page.locator(".st-key-others").get_by_role("link", name="DenseNet")
    expect(heading).to_have_attribute("href", "architecture?model=densenet")  # for a new tab
    heading.click()
    expect(page).to_have_url(re.compile("/architecture.*model=densenet"))
    shown_well(page)
    page.go_back()
    expect(page.get_by_role("heading", name="Look inside convolutional networks")).to_be_visible()

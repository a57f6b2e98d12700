"""What somebody else puts into a link stays text."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import settle
from benchmarks.serving import Server

expect.set_options(timeout=60_000)
QUOTED = (
    "architecture?model=",
    "architecture?set=",
    "train?run=",
    "filters?view=maps&digit=",
    "draw?checkpoint=",
)
EVIL = "![](//e.eu)\n\n[b](//e.eu)<b> www.e.eu"
"""An image, a link, HTML and an address, in the 40 characters that a message quotes."""


@pytest.mark.parametrize("link", QUOTED)
def test_link_puts_no_image_or_link_of_its_own_on_a_page(server: Server, page: Page, link: str) -> None:
    # The page's own fixture fails for whatever is asked of another machine.
    page.goto(f"{server.url}/{link}{quote(EVIL)}")
    settle(page)
    alerts = page.get_by_test_id("stAlert")
    alert = alerts.filter(has_text="![](").first
    expect(alert).to_contain_text("<b> www")
    expect(alerts.locator("a, img, b, strong")).to_have_count(0)
    expect(page.get_by_test_id("stButton").locator("a, img")).to_have_count(0)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("architecture?size=1e999", "size=1e999"),
        ("train?epochs=1e999", "epochs=1e999"),
        ("filters?view=maps&image=" + "9" * 5000, "image=999"),
        ("draw?pen=1e999", "pen=1e999"),
    ],
)
def test_number_beyond_all_numbers_is_named_and_leaves_the_link(
    server: Server, page: Page, link: str, sentence: str
) -> None:
    page.goto(f"{server.url}/{link}")
    settle(page)
    expect(page.get_by_test_id("stAlert").filter(has_text=sentence)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page).not_to_have_url(re.compile(sentence))

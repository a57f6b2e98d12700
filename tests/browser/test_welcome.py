"""The first visit: four steps that can be skipped and are not shown again, but for who asks for them."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from tests.browser.conftest import PATIENCE_MS


def test_first_steps_are_shown_once_and_on_request(server: Server, page: Page) -> None:
    page.goto(server.url)
    steps = page.get_by_role("region", name="First steps")
    expect(steps).to_contain_text("1 of 4", timeout=PATIENCE_MS)
    steps.get_by_role("button", name="Next").click()
    expect(steps).to_contain_text("2 of 4")
    steps.get_by_role("button", name="Skip").click()
    expect(steps).to_be_hidden()
    page.reload()
    again = page.get_by_role("button", name="First steps")
    expect(again).to_be_visible(timeout=PATIENCE_MS)
    expect(steps).to_be_hidden()
    again.click()
    steps.get_by_role("link", name="Open the page").click()
    expect(page).to_have_url(re.compile("/convolution"), timeout=PATIENCE_MS)

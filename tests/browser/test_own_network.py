"""One's own network in a real browser: read why it fails, mend it, lose nothing, and hand it to somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.browser import draw, overflow, paste, settle
from benchmarks.serving import Server
from cnnviz.ui.architecture.own import starts
from tests.browser.conftest import PATIENCE_MS

expect.set_options(timeout=60_000)
MENDED = "self.fc = nn.Linear(256, 10)"


@pytest.fixture
def other_page(chromium: Browser) -> Iterator[Page]:
    """A page in another person's browser."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def code(page: Page) -> Locator:
    return page.locator(".st-key-own-code .cm-content")


def table(page: Page) -> Locator:
    return page.locator(".st-key-own-table table")


def failure(page: Page) -> Locator:
    return page.locator(".st-key-trace-failure")


def open_own(page: Page, server: Server, query: str = "model=own") -> None:
    page.goto(f"{server.url}/architecture?{query}")
    expect(table(page)).to_be_visible()
    expect(code(page)).to_be_visible()
    settle(page)


def type_at_end(page: Page, text: str) -> None:
    code(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def carrying_link(page: Page) -> str:
    """The link that carries the code, from the page's popover."""
    page.get_by_role("button", name="Link").click()
    shown = page.get_by_test_id("stCode").filter(has_text="code=")
    expect(shown).to_be_visible()
    return "".join(shown.inner_text().split())


def test_the_failing_line_is_marked_mended_and_still_there_after_a_reload(server: Server, page: Page) -> None:
    open_own(page, server)
    mark = page.locator(".st-key-own-code .cnnviz-mark-error")
    expect(mark).to_contain_text("fc receives 16 x 4 x 4 = 256 features, but Linear(1024, 10) expects 1024")
    expect(mark).to_contain_text("line 16")
    expect(failure(page)).to_contain_text("1024")
    page.locator(".st-key-own-mend button").click()
    expect(failure(page)).to_have_count(0)
    expect(mark).to_have_count(0)
    expect(code(page)).to_contain_text(MENDED)
    expect(table(page)).to_contain_text("5,994")
    expect(page).to_have_url(re.compile("model=own-[0-9a-f]{16}"))
    settle(page)
    page.reload()
    expect(code(page)).to_contain_text(MENDED)
    expect(table(page)).to_contain_text("5,994")
    page.go_back()
    expect(failure(page)).to_be_visible()


def test_the_address_follows_what_is_typed_and_back_leads_out_of_it(server: Server, page: Page) -> None:
    page.goto(server.url)
    expect(page.locator("h1")).to_be_visible()
    open_own(page, server)
    steps = page.evaluate("history.length")
    seen = set()
    for number in range(3):
        type_at_end(page, f"# note {number}\n")
        expect(page).not_to_have_url(re.compile("|".join(["own$", *seen])))
        seen.add(page.url.partition("model=")[2])
    assert page.evaluate("history.length") == steps
    settle(page)
    page.reload()
    expect(code(page)).to_contain_text("# note 2")
    page.go_back()
    expect(page).to_have_url(f"{server.url}/")


def test_what_was_typed_is_there_after_a_visit_to_another_page(server: Server, page: Page) -> None:
    open_own(page, server)
    type_at_end(page, "# and then, half a line\nclass Half(")
    page.locator(".st-key-menu").get_by_role("link", name="Convolution").click()  # at once
    expect(page).to_have_url(re.compile("/convolution"))
    settle(page)
    page.locator(".st-key-menu").get_by_role("link", name="Architecture").click()
    expect(code(page)).to_contain_text("class Half(")
    expect(page.locator(".st-key-own-problem")).to_be_visible()


def test_links_show_the_same_on_a_server_that_has_just_started(
    server: Server, fresh_server: Server, page: Page, other_page: Page
) -> None:
    other_page.goto(f"{fresh_server.url}/architecture?model=inception-mini&size=32")
    expect(failure(other_page)).to_contain_text("2200", timeout=120_000)  # it has yet to load torch
    expect(failure(other_page)).to_contain_text("1408")
    open_own(page, server)
    page.locator(".st-key-own-mend button").click()
    expect(table(page)).to_contain_text("5,994")
    settle(page)
    link = carrying_link(page).replace(server.url, fresh_server.url)  # on another machine
    other_page.goto(link)
    expect(table(other_page)).to_contain_text("5,994")
    expect(code(other_page)).to_contain_text(MENDED)
    expect(other_page).to_have_url(re.compile(r"model=own-[0-9a-f]{16}$"))


def test_a_row_of_the_table_and_its_line_are_marked_together(server: Server, page: Page) -> None:
    open_own(page, server)
    table(page).get_by_text("Conv2d-3").hover()
    expect(page.locator(".st-key-own-code .cnnviz-pointed")).to_contain_text("self.conv2(x)")


def test_what_is_wrong_with_a_link_is_still_said_to_a_browser_that_is_known(
    server: Server, page: Page
) -> None:
    """The page runs once more when the browser has told whose it is."""
    open_own(page, server, "model=own")
    page.wait_for_function("localStorage.getItem('cnnviz-owner') !== null")
    open_own(page, server, "code=@@@")
    expect(page).to_have_url(re.compile("model=own$"))
    settle(page)
    expect(page.get_by_text("The code in the link is damaged")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_overflows_on_a_phone(server: Server, phone: Page, language: str) -> None:
    open_own(phone, server, f"model=own&lang={language}")
    assert overflow(phone) <= 0


def follow(page: Page, name: str) -> None:
    """Follow a link below the table."""
    page.locator(".st-key-own-onwards").get_by_role("link", name=name).click()
    expect(page.locator("h1")).to_be_visible()
    settle(page)


@pytest.mark.timeout(600)  # it waits for a training, for up to 240 seconds
def test_the_inception_network_with_a_wrong_linear_is_mended_trained_drawn_for_and_handed_on(
    server: Server, page: Page, other_page: Page
) -> None:
    open_own(page, server)
    paste(page, code(page), starts.course_network("inception-mini").text)
    expect(table(page)).to_contain_text("97,298")
    settle(page)
    page.get_by_role("textbox", name="Input shape").fill("1, 32, 32")
    page.keyboard.press("Enter")
    expect(failure(page)).to_contain_text("88 x 5 x 5 = 2200 features, but Linear(1408, 10) expects 1408")
    settle(page)
    page.get_by_text("Why", exact=True).click()
    expect(page.get_by_text("Input of fc: 88 x 5 x 5 = 2200")).to_be_visible()
    expect(table(page)).to_contain_text("97,298")
    settle(page)
    page.locator(".st-key-own-mend button").click()
    expect(failure(page)).to_have_count(0)
    expect(code(page)).to_contain_text("Linear(2200, 10)")
    expect(table(page)).to_contain_text("22,010")
    own = page.url.partition("model=")[2].partition("&")[0]
    settle(page)
    link = carrying_link(page)
    page.keyboard.press("Escape")

    follow(page, "Train it")
    expect(page).to_have_url(re.compile(f"/train.*model={own}"))
    page.goto(f"{page.url}&dataset=mnist-sample&epochs=2&train_images=1000")
    settle(page)
    page.locator(".st-key-start button").click()
    status = page.locator(".st-key-run-status")
    expect(status).to_contain_text(re.compile("finished", re.IGNORECASE), timeout=240_000)
    settle(page)
    filters = page.locator(".st-key-menu").get_by_role("link", name="Filters")
    expect(filters).to_have_attribute("href", re.compile(r"checkpoint=\d{8}-"))  # the run goes along
    filters.click()
    expect(page).to_have_url(re.compile(r"/filters.*checkpoint=\d{8}-"))
    expect(page.get_by_text(re.compile("InceptionMini"))).not_to_have_count(0)
    expect(page.locator("h1")).to_be_visible()
    settle(page)
    page.locator(".st-key-menu").get_by_role("link", name="Draw").click()
    settle(page)
    draw(page, 4)
    verdicts = page.locator('[class*="st-key-verdict-"]')
    expect(verdicts).to_have_count(1)
    expect(verdicts.first).to_have_text("4")

    other_page.goto(link)
    expect(table(other_page)).to_contain_text("22,010")
    expect(other_page).to_have_url(re.compile(f"model={own}"))

"""What a click leads to: links to the page one is on, clicks that follow one another at once, and the menu."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import cycle
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import settle
from benchmarks.serving import Server

expect.set_options(timeout=60_000)
MULTIPLIED = "mat1 and mat2 shapes cannot be multiplied (64x2200 and 1408x10)"


def opened(page: Page, server: Server, address: str) -> None:
    page.goto(f"{server.url}/{address}")
    settle(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def said(page: Page) -> dict[str, list[str]]:
    """The address's parameters."""
    return parse_qs(urlsplit(page.url).query)


def pressed(page: Page, key: str) -> None:
    page.locator(f".st-key-{key} button").first.click()


def stands_still(page: Page, key: str) -> None:
    """Wait until a part that is being opened has its height: what is in it would move away under the mouse."""
    page.locator(f".st-key-{key}").evaluate(
        """async element => {
            const place = () => element.getBoundingClientRect().top + document.querySelector(".stMain").scrollTop;
            for (let still = 0, last = place(); still < 10; still += 1) {
                await new Promise((done) => setTimeout(() => requestAnimationFrame(done), 30));
                if (place() !== last) [still, last] = [0, place()];
            }
        }"""
    )


def field(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key}").locator("input, textarea").first


def test_a_link_to_the_page_one_is_on_stays_in_the_address(server: Server, page: Page) -> None:
    opened(page, server, f"architecture?view=error&error={quote(MULTIPLIED)}")
    page.get_by_role("link", name=re.compile("Show Inception mini with 32 x 32")).click()
    expect(page).to_have_url(re.compile(r"model=inception-mini&size=32$"))
    page.reload()
    diagnosis = page.locator(".st-key-trace-failure")
    expect(diagnosis).to_contain_text("2200")
    settle(page)
    pressed(page, "apply-fix")
    expect(page).to_have_url(re.compile(r"model=inception-mini&size=32&set=fc\.in_features"))
    expect(diagnosis).to_have_count(0)
    page.go_back()
    expect(diagnosis).to_contain_text("2200")
    page.go_back()
    expect(page.get_by_role("link", name=re.compile("Show Inception mini with 32 x 32"))).to_be_visible()


def test_the_menus_link_to_the_page_one_is_on_stays_in_the_address_too(server: Server, page: Page) -> None:
    opened(page, server, "convolution?stride=2&kernel=5")
    page.locator(".st-key-menu").get_by_role("link", name="Convolution").click()
    expect(page).to_have_url(re.compile(r"/convolution$"))
    settle(page)
    field(page, "padding").or_(field(page, "height")).first.wait_for()
    field(page, "height").fill("12")
    field(page, "height").press("Enter")
    expect(page).to_have_url(re.compile(r"/convolution\?height=12$"))
    page.reload()
    settle(page)
    expect(field(page, "kernel")).to_have_value("3")


def _change(page: Page) -> None:
    page.get_by_label("Value", exact=True).fill("7")
    pressed(page, "edit-apply")
    expect(page).to_have_url(re.compile(r"set=conv1\.kernel_size%3D7"))


def _start(page: Page) -> None:
    field(page, "learning_rate").fill("0.037")
    pressed(page, "start")
    expect(page).to_have_url(re.compile("run="))
    expect(page.locator(".st-key-run-status")).to_be_visible()
    expect(page.get_by_text(re.compile(r"learning rate 0\.037")).first).to_be_visible()


def _next_image(page: Page) -> None:
    field(page, "image").fill("7")
    pressed(page, "next")
    expect(page).to_have_url(re.compile("image=8"))


def _another_image(page: Page) -> None:
    field(page, "image").fill("7")
    pressed(page, "another")
    expect(page).to_have_url(re.compile("image=(?!7&|7$)"))
    assert int(said(page)["image"][0]) > 7


def _sample(page: Page) -> None:
    field(page, "shuffle").fill("41")
    pressed(page, "others")
    expect(page).to_have_url(re.compile("shuffle=42"))


def _remedy(page: Page) -> None:
    field(page, "width").fill("14")
    pressed(page, "remedy-0")
    expect(page).to_have_url(re.compile("height="))
    settle(page)
    assert "width" in said(page)


def _normalise(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 2000})  # what scrolls to the button moves it, too
    timed = page.get_by_text(re.compile("images per second"))
    timed.wait_for()  # the page runs anew when the estimate is there
    page.get_by_text("Images", exact=True).first.click()
    settle(page)  # the part is fetched when it is opened
    stands_still(page, "normalise-half")
    field(page, "epochs").fill("3")
    pressed(page, "normalise-half")
    expect(page).to_have_url(re.compile("mean=0.5"))
    expect(page).to_have_url(re.compile(r"[?&]epochs=3(&|$)"))
    timed.wait_for()


def _channel(page: Page) -> None:
    field(page, "channel").fill("4")
    page.get_by_role("radio", name="Filters", exact=True).or_(
        page.get_by_role("button", name="Filters", exact=True)
    ).first.click()
    expect(page).not_to_have_url(re.compile("view="))
    expect(page).to_have_url(re.compile(r"[?&]channel=4(&|$)"))


def _page_of_images(page: Page) -> None:
    field(page, "images-both").fill("2")
    page.get_by_role("radio", name="Overview").or_(page.get_by_role("button", name="Overview")).first.click()
    expect(page).not_to_have_url(re.compile("view="))
    expect(page).to_have_url(re.compile(r"[?&]images-both=2(&|$)"))


STEPS: tuple[tuple[str, Callable[[Page], None]], ...] = (
    ("architecture?model=basic-cnn", _change),
    ("train?model=basic-cnn&dataset=mnist-sample&epochs=1", _start),
    ("train?model=basic-cnn&dataset=mnist-sample", _normalise),
    ("filters?view=maps", _next_image),
    ("filters?view=value", _channel),
    ("data?view=recipe&dataset=mnist-sample", _another_image),
    ("data?view=samples&dataset=mnist-sample", _sample),
    ("convolution?stride=2", _remedy),
    ("evaluate?view=compare&group=both&dataset=mnist-sample", _page_of_images),
)


@pytest.mark.parametrize(
    ("address", "step", "device"),
    [(*step, device) for step, device in zip(STEPS, cycle(["page", "phone"]))],
    ids=[step.__name__.strip("_") for _address, step in STEPS],
)
def test_a_value_that_is_typed_counts_for_the_click_that_follows_at_once(
    request: pytest.FixtureRequest, server: Server, address: str, step: Callable[[Page], None], device: str
) -> None:
    page: Page = request.getfixturevalue(device)
    opened(page, server, address)
    step(page)
    before = said(page)
    page.reload()
    settle(page)
    assert said(page) == before
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_chosen_network_goes_along_through_the_menu(server: Server, page: Page) -> None:
    opened(page, server, "architecture?model=inception-mini")
    menu = page.locator(".st-key-menu")
    for name, shown in (
        ("Train", "/train?model=inception-mini"),
        ("Filters", "/filters?checkpoint=inception-mini-mnist"),
        ("Data", "/data"),
        ("Evaluate", "/evaluate?checkpoint=inception-mini-mnist"),
        ("Architecture", "/architecture?model=inception-mini"),
    ):
        settle(page)
        menu.get_by_role("link", name=name).click()
        expect(page).to_have_url(server.url + shown)
    page.reload()
    settle(page)
    expect(page.get_by_text("Inception mini").first).to_be_visible()


def test_a_learning_rate_that_is_typed_counts_for_apply_at_once(fresh_server: Server, page: Page) -> None:
    opened(page, fresh_server, "train?model=basic-cnn&dataset=mnist-sample&epochs=40")
    pressed(page, "start")
    page.locator("[class*=st-key-tool-rate] button").first.click()
    page.get_by_label("New learning rate").fill("0.037")
    pressed(page, "change-rate")
    expect(page.get_by_text("Learning rate 0.037 requested.")).to_be_visible()
    expect(page.get_by_label("New learning rate")).to_have_count(0)  # the popover has closed
    expect(page.get_by_text(re.compile(r"changed by hand to 0\.037")).first).to_be_visible()
    page.get_by_role("button", name="Stop").first.click()
    expect(page.locator(".st-key-run-status")).to_contain_text("stopped", ignore_case=True)

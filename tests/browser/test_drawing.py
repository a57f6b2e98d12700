"""The Draw page in a real browser: mouse and finger, small and large, there and back again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import canvas, draw, settle, stroke
from benchmarks.serving import Server
from cnnviz.training.checkpoints import checkpoints

expect.set_options(timeout=60_000)


INK = """() => {
  const canvases = [...document.querySelectorAll('*')]
    .flatMap((each) => [...(each.shadowRoot?.querySelectorAll('canvas') ?? [])]);
  return canvases.some((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, index) => index % 4 === 0 && value > 127).length > 1000;
  });
}"""
"""Whether there is white on the canvas."""


def verdicts(page: Page) -> Locator:
    return page.locator('[class*="st-key-verdict-"]')


def opened(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/draw")
    expect(page.get_by_test_id("stMain").locator("h1")).to_be_visible()
    settle(page)


def good_networks() -> list[str]:
    """Those shipped networks for digits that err in less than 2 of 100 test images."""
    shipped = [found for found in checkpoints.available() if found.dataset == "mnist"]
    return [found.id for found in shipped if found.test_accuracy > 0.98]


def read_as(page: Page, label: str) -> None:
    assert len(good_networks()) > 2
    for name in good_networks():
        expect(page.locator(f".st-key-verdict-{name}")).to_have_text(label)


@pytest.mark.parametrize(("digit", "size"), [(2, 1.0), (7, 1.0), (7, 0.5), (7, 0.15), (0, 0.7), (3, 0.2)])
def test_drawn_digit_is_read_rightly(server: Server, page: Page, digit: int, size: float) -> None:
    """Large, small, and tiny with the usual pen; the smaller ones lie in the canvas's corner."""
    opened(page, server)
    draw(page, digit, size)
    read_as(page, str(digit))
    settle(page)
    expect(page.get_by_text("Inside the network")).to_be_visible()
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_clear_and_redraw(server: Server, page: Page) -> None:
    opened(page, server)
    draw(page, 1)
    read_as(page, "1")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(verdicts(page)).to_have_count(0)
    settle(page)
    draw(page, 7)
    read_as(page, "7")


def test_undo_and_eraser(server: Server, page: Page) -> None:
    opened(page, server)
    draw(page, 1)
    read_as(page, "1")
    settle(page)
    draw(page, 3)
    read_as(page, "3")
    settle(page)
    page.locator(".st-key-undo button").click()
    read_as(page, "1")
    settle(page)
    tools = page.locator(".st-key-tool").get_by_role("radiogroup").get_by_role("radio")
    tools.nth(1).click()
    expect(tools.nth(1)).to_be_checked()
    settle(page)
    for _ in range(2):  # a busy server may be late to hand over the eraser
        draw(page, 1)
        settle(page)
    expect(verdicts(page)).to_have_count(0)


def test_undo_leaves_a_digit_of_few_points_and_its_verdicts(server: Server, page: Page) -> None:
    opened(page, server)
    filled = page.get_by_text("The ink fills")
    stroke(page, canvas(page), (0.15, 0.1), (0.85, 0.1), (0.46, 0.88), (0.45, 0.9))
    expect(filled).to_contain_text("281 x 208 pixels")
    settle(page)
    stroke(page, canvas(page), (0.2, 0.95), (0.8, 0.95))
    expect(filled).to_contain_text("297 x ")
    settle(page)
    page.locator(".st-key-undo button").click()
    expect(filled).to_contain_text("281 x 208 pixels")
    expect(verdicts(page)).not_to_have_count(0)


def test_an_example_is_read_and_the_drawing_is_still_there_after_a_visit_elsewhere(
    server: Server, page: Page
) -> None:
    opened(page, server)
    page.locator(".st-key-example").get_by_text("5", exact=True).click()
    read_as(page, "5")
    settle(page)
    for name in ("Train", "Draw"):
        page.locator(".st-key-menu").get_by_role("link", name=name).click()
        expect(page).to_have_url(re.compile(f"/{name.lower()}"))
        settle(page)
    read_as(page, "5")
    expect(canvas(page)).to_be_visible()
    page.wait_for_function(INK)


def test_finger_draws_and_the_page_stays_where_it_is(server: Server, phone: Page) -> None:
    opened(phone, server)
    box = canvas(phone).bounding_box()
    assert box is not None
    before = scroll_position(phone)
    touch = phone.context.new_cdp_session(phone)
    middle = box["x"] + box["width"] / 2
    for kind, part in [("touchStart", 0.85), *(("touchMove", 0.85 - 0.07 * step) for step in range(1, 11))]:
        point = {"x": middle, "y": box["y"] + part * box["height"]}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    read_as(phone, "1")
    expect(phone.locator(".st-key-answer")).to_have_text(re.compile(r"networks: 1"))
    expect(phone.locator(".st-key-answer")).to_be_in_viewport(ratio=1)
    assert scroll_position(phone) == before


def scroll_position(page: Page) -> float:
    position: float = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop")
    return position

"""What is in sight when a page has opened, on a laptop and on a phone; and what a question leads to."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import overflow, settle
from benchmarks.serving import Server
from tests.browser.conftest import trained
from tests.training.watching import until

expect.set_options(timeout=60_000)
LAPTOP = {"width": 1280, "height": 800}
ERROR = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x2200 and 1408x10)"


def opened(page: Page, server: Server, address: str) -> None:
    page.goto(f"{server.url}/{address}")
    expect(page.get_by_test_id("stMain").locator("h1")).to_be_visible()
    # The browser loads what shows HTML, the style sheet among it, when it first needs it.
    page.wait_for_function(
        "getComputedStyle(document.documentElement).getPropertyValue('--cnnviz-accent') != ''"
    )
    settle(page)


def bottom(place: Locator) -> float:
    """Where ``place`` ends, in pixels from the top of the window, which nobody has scrolled."""
    place.wait_for()
    box = place.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def cell(page: Page, text: str) -> Locator:
    return page.locator(".cnnviz-table td", has_text=re.compile(f"{re.escape(text)}$")).first


def test_the_table_of_layers_is_in_sight_on_a_laptop(server: Server, page: Page) -> None:
    page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
    opened(page, server, "architecture")
    assert bottom(cell(page, "Total")) < LAPTOP["height"]


def test_the_table_of_layers_is_in_sight_on_a_phone(server: Server, phone: Page) -> None:
    opened(phone, server, "architecture")
    assert bottom(cell(phone, "Linear-5")) < 844
    what_if, totals = phone.locator(".st-key-settings-what-if"), phone.locator(".st-key-totals")
    assert bottom(cell(phone, "Total")) < min(bottom(what_if), bottom(totals))


def test_both_chains_of_a_broken_network_are_in_sight(server: Server, page: Page) -> None:
    page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
    opened(page, server, "architecture?model=inception-mini&size=32&view=why")
    left, right = cell(page, "10 x 24 x 24"), cell(page, "10 x 28 x 28")
    until(lambda: bottom(left) == bottom(right) < LAPTOP["height"])  # the page may still be moving


def test_both_chains_of_a_broken_network_begin_in_sight_on_a_phone(server: Server, phone: Page) -> None:
    opened(phone, server, "architecture?model=inception-mini&size=32&view=why")
    left, right = cell(phone, "10 x 24 x 24"), cell(phone, "10 x 28 x 28")
    until(lambda: max(bottom(left), bottom(right)) < 844)


def test_an_error_is_decoded_when_it_is_pasted(server: Server, page: Page) -> None:
    opened(page, server, "")
    page.locator(".st-key-jobs").get_by_role("link", name="I have an error message").click()
    field = page.get_by_role("textbox", name="Error message")
    field.click()
    settle(page)
    page.keyboard.insert_text(ERROR)  # as a paste: all at once, and no key is pressed
    expect(page.locator(".st-key-decoded")).to_contain_text("2200 = 88 x 5 x 5, but 1408 = 88 x 4 x 4")
    expect(page).to_have_url(re.compile("error=RuntimeError"))
    expect(field).to_be_focused()


def test_an_error_that_is_typed_is_decoded_and_no_letter_is_lost(server: Server, page: Page) -> None:
    opened(page, server, "architecture?view=error")
    field = page.get_by_role("textbox", name="Error message")
    field.press_sequentially("IndexError: Target 1", delay=20)
    expect(page.get_by_text("This text contains no error")).to_be_visible()
    field.press_sequentially("2 is out of bounds.", delay=20)
    expect(page.locator(".st-key-decoded")).to_contain_text("A label has class 12")
    expect(field).to_have_value("IndexError: Target 12 is out of bounds.")


def test_typing_the_name_of_a_torchvision_model_finds_it(server: Server, page: Page) -> None:
    opened(page, server, "architecture")
    page.get_by_role("combobox", name=re.compile("Network")).click()
    page.keyboard.insert_text("convnext_tiny")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("model=torchvision%3Aconvnext_tiny|model=torchvision:convnext_tiny"))
    expect(page.locator(".st-key-totals")).to_contain_text("28,589,128")


def test_the_canvas_is_in_sight_on_a_phone(server: Server, phone: Page) -> None:
    opened(phone, server, "draw")
    assert bottom(phone.locator("canvas[data-draw]")) < 844


@pytest.mark.parametrize(
    "address", ["draw?source=data", "filters?view=maps", "architecture?model=resnet-mini&view=graph"]
)
def test_no_choice_is_cut_on_a_narrow_phone(server: Server, phone: Page, address: str) -> None:
    phone.set_viewport_size({"width": 360, "height": 740})
    opened(phone, server, address)
    groups = phone.get_by_test_id("stButtonGroup").locator("visible=true")
    expect(groups.first).to_be_visible()
    cut = (
        "(groups) => groups.flatMap((group) => [group, ...group.querySelectorAll('*')])"
        ".filter((part) => part.clientWidth > 20 && part.scrollWidth > part.clientWidth + 1).map((part) => part.innerText)"
    )
    assert groups.evaluate_all(cut) == []
    assert overflow(phone) <= 0


def test_a_link_to_a_run_shows_the_run_before_the_form_on_a_phone(server: Server, phone: Page) -> None:
    opened(phone, server, f"train?run={trained(server)}")
    assert bottom(phone.locator(".st-key-run-status")) < 400
    assert bottom(phone.locator(".st-key-run-status")) < bottom(phone.locator(".st-key-start"))
    assert overflow(phone) <= 0


def test_the_place_of_the_run_stays_in_sight_at_the_button_that_starts_one(
    fresh_server: Server, page: Page
) -> None:
    page.set_viewport_size({"width": 1280, "height": 600})
    opened(page, fresh_server, "train?model=mlp&dataset=mnist-sample")
    page.locator(".st-key-start button").scroll_into_view_if_needed()
    expect(page.get_by_text("No runs yet.")).to_be_in_viewport()

"""The Draw page in a real browser: mouse and finger, small and large, there and back again."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from benchmarks.browser import canvas, draw, settle
from benchmarks.serving import Server
from cnnviz.drawing import to_mnist
from cnnviz.interpret.answers import predict
from cnnviz.training.checkpoints import checkpoints

expect.set_options(timeout=60_000)


INK = """() => {
  const canvas = document.querySelector('canvas[data-draw]');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, index) => index % 4 === 0 && value > 127).length;
}"""
"""How many pixels of the canvas are white."""


WHAT_IS_DRAWN = """() => {
  const canvas = document.querySelector('canvas[data-draw]');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [[...data], [...globalThis.cnnvizTold.drawing.image]];
}"""


NUMBERS_ARE = """([elements, values]) => elements.every(
  ({ textContent }, at) => textContent.endsWith('%') && Math.abs(parseFloat(textContent) - values[at]) < 0.06)"""
"""Whether what stands in some elements are these percentages; numbers are written when the pen pauses."""


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
    """All good networks of the browser say ``label``."""
    assert len(good_networks()) > 2
    for name in good_networks():
        expect(page.locator(f".st-key-verdict-{name}")).to_have_text(label)


def test_drawn_digits_are_read_rightly(server: Server, page: Page) -> None:
    """Large, small, and tiny with the usual pen; the smaller ones lie in the canvas's corner."""
    opened(page, server)
    for digit, size in ((2, 1.0), (7, 1.0), (7, 0.5), (7, 0.15), (0, 0.7), (3, 0.2)):
        draw(page, digit, size)
        read_as(page, str(digit))
        expect(page.locator(f'[data-verdict="{good_networks()[0]}"]')).to_have_text(str(digit))
        page.get_by_role("button", name="Clear", exact=True).click()
        expect(verdicts(page)).to_have_count(0)


def test_undo_and_eraser(server: Server, page: Page) -> None:
    opened(page, server)
    draw(page, 1)
    read_as(page, "1")
    draw(page, 3)
    read_as(page, "3")
    page.get_by_role("button", name="Undo", exact=True).click()
    read_as(page, "1")
    eraser = page.get_by_role("button", name="Eraser", exact=True)
    eraser.click()
    expect(eraser).to_have_attribute("aria-pressed", "true")
    draw(page, 1)
    expect(verdicts(page)).to_have_count(0)
    assert page.evaluate(INK) == 0


def test_verdicts_follow_the_pen_and_the_server_hears_when_it_rests(server: Server, page: Page) -> None:
    """No frame goes to the server while one draws; then it shows what networks there say: the same."""
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    opened(page, server)
    label = page.locator('[data-verdict="basic-cnn-mnist"]')
    draw(page, 7)
    expect(label).to_have_text("7")  # the networks are there
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(label).to_have_text("")
    page.wait_for_timeout(1_000)
    settle(page)
    sent.clear()
    box = canvas(page).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.48 * box["width"], box["y"] + 0.9 * box["height"], steps=10)
    read_as(page, "1")  # the pen is still down
    expect(page.locator("[data-answer]")).to_contain_text("networks: 1")
    page.wait_for_timeout(700)
    assert not sent
    page.mouse.up()
    filled = page.get_by_text("The ink fills")
    inside = page.locator(".st-key-follows-drawing")
    inside.scroll_into_view_if_needed()
    expect(filled).to_contain_text("28")
    settle(page)
    assert 0 < len(sent) <= 3


def test_what_a_busy_server_has_not_heard_is_sent_again(server: Server, page: Page) -> None:
    """The drawing is lost, and so is the wish to see what follows from it, which carries the drawing, too."""
    lost: list[bytes] = []

    def connect(socket: WebSocketRoute) -> None:
        to_server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if isinstance(message, bytes) and b'"picture"' in message and len(lost) < 2:
                lost.append(message)
            else:
                to_server.send(message)

        socket.on_message(pass_on)

    page.route_web_socket(re.compile("_stcore/stream"), connect)
    opened(page, server)
    draw(page, 7)
    page.locator(".st-key-follows-drawing").scroll_into_view_if_needed()
    expect(page.get_by_text("The ink fills")).to_be_visible()
    assert len(lost) == 2


def test_the_browser_says_what_pytorch_says(server: Server, page: Page) -> None:
    """The image is the one that cnnviz.drawing makes of the canvas, and so are all networks' probabilities of it."""
    opened(page, server)
    draw(page, 4, 0.6)
    read_as(page, "4")
    page.wait_for_function(
        "cnnvizTold.drawing.number === cnnvizSheet.number"
    )  # the last stroke's end is read
    pixels, image = page.evaluate(WHAT_IS_DRAWN)
    prepared = to_mnist(np.array(pixels, np.uint8).reshape(320, 320, 4), (0, 0, 0, 255))
    assert prepared is not None
    seen = np.array(image, np.uint8).reshape(28, 28)
    assert np.abs(prepared.image.astype(int) - seen).max() <= 1
    for checkpoint in (found for found in checkpoints.available() if found.dataset == "mnist"):
        chances = predict(checkpoints.load_model(checkpoint), seen, checkpoint.recipe.preparation)
        card = page.locator(".reading", has=page.locator(f'[data-verdict="{checkpoint.id}"]'))
        shares = card.locator(".cnnviz-bars > :nth-child(3n)")
        page.wait_for_function(NUMBERS_ARE, arg=[shares.element_handles(), (100 * chances).tolist()])


def test_an_example_is_read_and_the_drawing_is_still_there_after_a_visit_elsewhere(
    server: Server, page: Page
) -> None:
    opened(page, server)
    page.get_by_role("button", name="5", exact=True).click()
    read_as(page, "5")
    page.wait_for_timeout(700)
    settle(page)
    for name in ("Train", "Draw"):
        page.locator(".st-key-menu").get_by_role("link", name=name).click()
        expect(page).to_have_url(re.compile(f"/{name.lower()}"))
        settle(page)
    read_as(page, "5")
    expect(canvas(page)).to_be_visible()
    assert page.evaluate(INK) > 1000


def test_the_canvas_and_the_cards_follow_the_language_and_the_drawing_stays(
    server: Server, page: Page
) -> None:
    opened(page, server)
    draw(page, 2)
    read_as(page, "2")
    page.get_by_role("radio", name="中文").or_(page.get_by_role("button", name="中文")).first.click()
    expect(page.locator("[data-tool=undo]")).to_have_attribute("aria-label", "撤销")
    read_as(page, "2")
    expect(page.locator(".reading").first).to_contain_text("计算用时")
    assert page.evaluate(INK) > 100


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
    read_as(phone, "1")  # the finger is still on the canvas
    expect(phone.locator("[data-answer]")).to_have_text(re.compile(r"networks: 1"))
    expect(phone.locator("[data-answer]")).to_be_in_viewport(ratio=1)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    read_as(phone, "1")
    assert scroll_position(phone) == before


def scroll_position(page: Page) -> float:
    position: float = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop")
    return position

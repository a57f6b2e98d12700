"""The slider over a training's snapshots in a real browser."""

from __future__ import annotations

import operator
import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from benchmarks.browser import settle
from benchmarks.serving import Server
from cnnviz import datasets
from cnnviz.interpret.networks import load, start_of
from tests.browser.conftest import SHORT, trained

expect.set_options(timeout=60_000)


def pictures(page: Page) -> list[str]:
    """The image that is shown, and what each operation makes of it."""
    found = page.get_by_test_id("stMain").locator("img")
    sources: list[str] = found.evaluate_all("images => images.map(image => image.src)")
    return sources


def test_moving_the_slider_shows_the_weights_on_their_way(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/filters?checkpoint={trained(server)}&view=maps")
    main = page.get_by_test_id("stMain")
    slider = main.get_by_role("slider").first
    expect(slider).to_be_visible()
    settle(page)
    after = pictures(page)
    slider.press("Home")
    page.wait_for_url(re.compile("step=0"))
    settle(page)
    before = pictures(page)
    assert len(before) == len(after) > 3
    assert before[0] == after[0]  # the image that the networks are shown
    assert all(map(operator.ne, before[1:], after[1:]))
    slider.press("ArrowRight")
    page.wait_for_url(re.compile("step=1"))
    assert parse_qs(urlsplit(page.url).query)["step"] == ["1"]
    expect(main.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_the_living_picture_forms_without_asking_the_server(server: Server, page: Page) -> None:
    """Every snapshot is fetched ahead: the slider changes the weights in the browser."""
    page.goto(f"{server.url}/filters?checkpoint={trained(server)}&view=network")
    slider = page.get_by_role("slider", name="Training step")
    best = page.locator(".score.best")
    expect(best).to_be_visible()
    expect(slider).to_be_visible()
    after = best.text_content()
    settle(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    slider.press("Home")
    expect(page.locator(".time output")).to_have_text("Step 0, epoch 0")
    expect(best).not_to_have_text(after or "")  # drawn a moment after the step is named
    expect(best).to_have_text(expected_at_the_start())
    slider.press("End")
    expect(best).to_have_text(after or "")
    assert not [url for url in asked if url.startswith(server.url)]
    page.locator("button.map").nth(1).click()  # unfolded, it is built anew for every step
    slider.focus()
    slider.press("ArrowLeft")
    expect(slider).to_be_focused()


def expected_at_the_start() -> str:
    """What the untrained network says of the first test image, in PyTorch."""
    network = load(start_of(SHORT))
    x = (datasets.load("mnist-sample").test_images[:1].float() / 255 - 0.1307) / 0.3081
    chances = network(x)[0].softmax(0)
    label = int(chances.argmax())
    return f"{label}{100 * float(chances[label]):.1f}%"

"""The slider over a training's snapshots in a real browser."""

from __future__ import annotations

import operator
import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from benchmarks.browser import settle
from benchmarks.serving import Server
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.worker.worker import run_in_foreground
from tests.browser.conftest import settings_of

expect.set_options(timeout=60_000)


def trained(server: Server) -> str:
    """The id of a short run on the server."""
    recipe = Recipe.default("small-cnn", dataset="mnist-sample", train_images=640, epochs=2, threads=1)
    return run_in_foreground(recipe, configuration=settings_of(server)).id


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

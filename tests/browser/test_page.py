"""A network as one HTML file, opened from the disk without a network connection."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import stroke
from cnnviz.browser.plan import UnplannableError
from cnnviz.browser.saving import page_of
from cnnviz.cli.main import main
from cnnviz.training.checkpoints import checkpoints
from tests.browser.conftest import PATIENCE_MS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def basic(folder: Path) -> Path:
    path = folder / "basic-cnn.html"
    assert main(["page", "basic-cnn", "--output", str(path)]) == 0
    return path


@pytest.fixture
def offline(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    yield page
    context.close()
    assert not said


def test_files_are_small(basic: Path, folder: Path) -> None:
    assert basic.stat().st_size < 300_000
    path = folder / "inception-mini.html"
    assert main(["page", "inception-mini", "--output", str(path)]) == 0
    assert path.stat().st_size < 900_000


def test_examples_are_read_as_by_pytorch(basic: Path, offline: Page) -> None:
    from cnnviz.drawing import to_mnist

    checkpoint = checkpoints.get("basic-cnn-mnist")
    model = checkpoints.load_model(checkpoint)
    offline.goto(basic.as_uri())
    canvas = offline.locator("canvas[data-draw]")
    for digit in ("2", "4", "7"):
        offline.get_by_role("button", name=f"Example: {digit}").click()
        picture = canvas.evaluate("(canvas) => canvas.toDataURL().split(',')[1]")
        pixels = np.asarray(Image.open(BytesIO(base64.b64decode(picture))).convert("RGBA"))
        prepared = to_mnist(pixels, (0, 0, 0, 255))
        assert prepared is not None
        x = (torch.from_numpy(prepared.image) / 255 - 0.1307) / 0.3081
        label = str(int(model(x[None, None])[0].argmax()))
        expect(offline.locator("[data-verdict='basic-cnn-mnist']")).to_have_text(label, timeout=PATIENCE_MS)


def test_the_verdict_follows_the_pen(basic: Path, offline: Page) -> None:
    offline.goto(basic.as_uri())
    expect(offline.locator("#nothing")).to_be_visible()
    stroke(offline, offline.locator("canvas[data-draw]"), (0.5, 0.15), (0.5, 0.5), (0.5, 0.85))
    expect(offline.locator("[data-verdict]")).to_have_text("1", timeout=PATIENCE_MS)
    offline.get_by_role("button", name="Clear").click()
    expect(offline.locator("[data-verdict]")).to_have_text("")


def test_a_map_says_what_it_is_made_of_and_can_be_switched_off(basic: Path, offline: Page) -> None:
    offline.goto(basic.as_uri())
    offline.get_by_role("button", name="Example: 4").click()
    expect(offline.locator("[data-verdict]")).to_have_text("4", timeout=PATIENCE_MS)
    offline.get_by_role("button", name="conv2, map 1", exact=True).click()
    expect(offline.locator(".detail h3")).to_have_text("How map 1 of conv2 is made")
    expect(offline.locator(".sums figure")).to_have_count(10)
    expect(offline.locator(".box.source h3")).to_contain_text("relu")
    chances = offline.locator("#bars .best").text_content() or ""
    for channel in range(10):
        offline.get_by_role("button", name=f"conv1, map {channel}", exact=True).click()
        offline.get_by_role("button", name="Switch this map off").click()
    expect(offline.locator("#bars .best")).not_to_have_text(chances, timeout=PATIENCE_MS)
    offline.get_by_role("button", name="Reset the network").click()
    expect(offline.locator("#bars .best")).to_have_text(chances, timeout=PATIENCE_MS)


def test_the_keyboard_reaches_every_map(basic: Path, offline: Page) -> None:
    offline.goto(basic.as_uri())
    first = offline.get_by_role("button", name="conv1, map 0", exact=True)
    first.focus()
    offline.keyboard.press("ArrowRight")
    offline.keyboard.press("Enter")
    expect(offline.locator(".detail h3")).to_have_text("How map 1 of conv1 is made")
    expect(offline.locator(".told")).to_contain_text("kernel 5 x 5")


def test_it_speaks_the_browsers_language(basic: Path, chromium: Browser) -> None:
    context = chromium.new_context(offline=True, locale="zh-CN")
    page = context.new_page()
    page.goto(basic.as_uri())
    expect(page.get_by_role("button", name="清除")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh"
    context.close()


def test_the_language_can_be_changed_and_the_drawing_stays(basic: Path, offline: Page) -> None:
    offline.goto(basic.as_uri())
    offline.get_by_role("button", name="Example: 4").click()
    expect(offline.locator("[data-verdict]")).to_have_text("4", timeout=PATIENCE_MS)
    offline.get_by_role("button", name="中文").click()
    expect(offline.get_by_role("button", name="清除")).to_be_visible()
    expect(offline.locator("[data-verdict]")).to_have_text("4")
    offline.get_by_role("button", name="English").click()
    expect(offline.get_by_role("button", name="conv2, map 1", exact=True)).to_be_visible()


def test_a_network_for_other_images_is_refused() -> None:
    with pytest.raises(UnplannableError, match="lenet-cifar"):
        page_of(checkpoints.get("lenet-cifar-cifar10"), {})

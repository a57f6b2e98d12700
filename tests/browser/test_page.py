"""A network as one HTML file, opened from the disk without a network connection."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import stroke
from cnnviz import datasets
from cnnviz.browser.plan import UnplannableError
from cnnviz.browser.saving import page_of
from cnnviz.cli.main import main
from cnnviz.interpret.inputs import Preparing
from cnnviz.training.checkpoints import checkpoints
from tests.browser.conftest import PATIENCE_MS
from tests.speaking import spoken


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


def test_a_network_for_colours_reads_pictures(folder: Path, offline: Page) -> None:
    """An example at first, then a file; the prediction is PyTorch's, the names are the data set's."""
    path = folder / "lenet-cifar.html"
    assert main(["page", "lenet-cifar", "--output", str(path)]) == 0
    offline.goto(path.as_uri())
    verdict = offline.locator("[data-verdict='lenet-cifar-cifar10']")
    expect(verdict).to_have_text("ship", timeout=PATIENCE_MS)
    rgb = np.random.default_rng(4).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(rgb).save(folder / "noise.png")
    offline.locator("#file").set_input_files(folder / "noise.png")
    checkpoint = checkpoints.get("lenet-cifar-cifar10")
    preparing = Preparing(checkpoint.recipe.preparation, (3, 32, 32))
    x = preparing.key(np.ascontiguousarray(rgb.transpose(2, 0, 1))).tensor()
    label = int(checkpoints.load_model(checkpoint)(x)[0].argmax())
    assert label != 8  # a ship
    info = datasets.get("cifar10")
    expect(verdict).to_have_text(info.classes[label], timeout=PATIENCE_MS)
    offline.get_by_role("button", name="conv1, map 2", exact=True).click()
    expect(offline.locator(".sums figure")).to_have_count(3)
    offline.get_by_role("button", name="中文").click()
    with spoken("zh"):
        expect(verdict).to_have_text(info.class_title(label))


def test_what_is_no_picture_is_said(folder: Path, offline: Page) -> None:
    path = folder / "fashion.html"
    assert main(["page", "lenet-bn", "--output", str(path)]) == 0
    (folder / "words.png").write_text("no picture")
    offline.goto(path.as_uri())
    expect(offline.locator("[data-verdict]")).to_have_text("T-shirt/top", timeout=PATIENCE_MS)
    offline.locator("#file").set_input_files(folder / "words.png")
    expect(offline.get_by_text("cannot read words.png as a picture")).to_be_visible()
    offline.get_by_role("button", name="Example: Bag").click()
    expect(offline.locator("[data-verdict]")).to_have_text("Bag", timeout=PATIENCE_MS)


def test_a_network_of_permuted_pixels_is_refused() -> None:
    checkpoint = checkpoints.get("mlp-mnist")
    preparation = replace(checkpoint.recipe.preparation, permutation_seed=3)
    recipe = replace(checkpoint.recipe, preparation=preparation)
    with pytest.raises(UnplannableError, match="mlp-mnist was trained on permuted images"):
        page_of(replace(checkpoint, recipe=recipe))

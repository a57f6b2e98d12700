"""A model of one's own as a page: saved, and in the frame that a notebook shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from torch import nn

import cnnviz
from benchmarks.browser import stroke
from cnnviz.browser.plan import UnplannableError
from cnnviz.errors import UsageError
from cnnviz.training.checkpoints import checkpoints
from tests.browser.conftest import PATIENCE_MS

ONE = ((0.5, 0.15), (0.5, 0.5), (0.5, 0.85))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return checkpoints.load_model(checkpoints.get("basic-cnn-mnist"))


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(offline=True, locale="en-GB", viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def test_it_reads_from_a_saved_file_and_names_the_classes(
    model: nn.Module, tab: Page, tmp_path: Path
) -> None:
    model.train()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    words = "zero one two three four five six seven eight nine".split()
    saved = cnnviz.live(model, (1, 28, 28), classes=words).save(tmp_path / "mine.html")
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    for name, values in model.state_dict().items():
        assert torch.equal(values, before[name])
    tab.goto(saved.as_uri())
    stroke(tab, tab.locator("canvas[data-draw]"), *ONE)
    expect(tab.locator("[data-verdict='model']")).to_have_text("one", timeout=PATIENCE_MS)


@pytest.mark.parametrize("policy", ["", "child-src data:"], ids=["plain", "no-blobs"])
def test_it_reads_in_a_notebooks_cell(model: nn.Module, tab: Page, tmp_path: Path, policy: str) -> None:
    cell = cnnviz.live(model)._repr_html_()  # type: ignore[operator]
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    (tmp_path / "notebook.html").write_text(f"<!doctype html>{head}<div>{cell}</div>", encoding="utf-8")
    tab.goto((tmp_path / "notebook.html").as_uri())
    frame = tab.frame_locator("iframe")
    frame.get_by_role("button", name="Example: 7").click()
    expect(frame.locator("[data-verdict]")).to_have_text("7", timeout=PATIENCE_MS)
    expect(frame.locator("#camera")).to_be_hidden()  # no browser gives one to such a frame


def test_what_does_not_fit_is_refused_with_a_remedy(model: nn.Module) -> None:
    with pytest.raises(UsageError, match=r"1 or 3 channels.*explore\(model, \(2, 28, 28\)\)"):
        cnnviz.live(model, (2, 28, 28))
    with pytest.raises(UsageError, match=r"mean must be one number per channel \(1\); got 0\.1, 0\.2"):
        cnnviz.live(model, mean=[0.1, 0.2])
    with pytest.raises(UsageError, match=r"mean must be one number per channel .*; got nan"):
        cnnviz.live(model, mean=float("nan"))
    with pytest.raises(UsageError, match="kind of images 'digit'; did you mean 'digits'"):
        cnnviz.live(model, reads="digit")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="3 class names, but the network returns 10 scores"):
        cnnviz.live(model, classes=["a", "b", "c"])
    with pytest.raises(UsageError, match=r"standard deviation must be .* greater than 0 .*; got 0"):
        cnnviz.live(model, deviation=0)
    with pytest.raises(UnplannableError, match="4 x 26 x 26"):
        cnnviz.live(nn.Sequential(nn.Conv2d(1, 4, 3)))
    with pytest.raises(UnplannableError, match="LSTM"):
        cnnviz.live(nn.Sequential(nn.Flatten(2), nn.LSTM(784, 10)))


def test_a_model_for_other_images_gets_their_middle(tab: Page, tmp_path: Path) -> None:
    """It counts how bright each half of the middle square is, which the page resizes to 6 x 6 pixels."""
    summed = nn.Conv2d(3, 1, 1)
    with torch.no_grad():
        summed.weight.fill_(1.0)
    model = nn.Sequential(nn.AdaptiveAvgPool2d((1, 2)), summed, nn.Flatten())
    rgb = np.zeros((40, 80, 3), np.uint8)
    rgb[:, :20], rgb[:, 45:60] = 255, 200  # the left end is cut off
    Image.fromarray(rgb).save(tmp_path / "bright.png")
    page = cnnviz.live(model, (3, 6, 6), classes=["left", "right"], mean=np.full(3, 0.5))
    saved = page.save(tmp_path / "mine.html")
    tab.goto(saved.as_uri())
    tab.locator("#file").set_input_files(tmp_path / "bright.png")
    expect(tab.locator("[data-verdict]")).to_have_text("right", timeout=PATIENCE_MS)
    expect(tab.locator("#seen")).to_have_js_property("width", 6)
    # What is cut off is dark; the canvas is as large as the picture.
    row = "(canvas) => [...canvas.getContext('2d').getImageData(0, 20, 80, 1).data].filter((_, at) => at % 4 === 0)"
    expected = [102] * 20 + [0] * 25 + [200] * 15 + [0] * 20
    assert tab.locator("canvas[data-photo]").evaluate(row) == expected


def test_a_network_for_colours_reads_drawings_in_each_channel(
    model: nn.Module, tab: Page, tmp_path: Path
) -> None:
    blue = nn.Conv2d(3, 1, 1, bias=False)
    with torch.no_grad():
        blue.weight.copy_(torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1))
    read = nn.Sequential(nn.MaxPool2d(2), blue, model)
    page = cnnviz.live(read, (3, 56, 56), reads="digits", mean=0.1307, deviation=0.3081)
    tab.goto(page.save(tmp_path / "mine.html").as_uri())
    stroke(tab, tab.locator("canvas[data-draw]"), *ONE)
    expect(tab.locator("[data-verdict]")).to_have_text("1", timeout=PATIENCE_MS)
    expect(tab.locator("#seen")).to_have_js_property("width", 56)
    tab.get_by_role("button", name="Example: 7").click()
    expect(tab.locator("[data-verdict]")).to_have_text("7", timeout=PATIENCE_MS)

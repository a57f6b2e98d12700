"""One value taken apart: the arithmetic is JavaScript, so a real browser computes what PyTorch computes."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect
from torch import Tensor, nn

from benchmarks.browser import settle
from benchmarks.serving import Server
from cnnviz import datasets
from cnnviz.interpret.pixel import Payload, arithmetic_of, describe, others
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.tracing.capture import capture
from cnnviz.tracing.trace import trace
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.transforms.batch_preparer import as_input
from tests.training.watching import until

expect.set_options(timeout=60_000)
PAGE = "filters?view=value&dataset=mnist-sample"
FOLDER = PROJECT_DIRECTORY / "cnnviz" / "ui" / "inside" / "pixels"
SHARED = PROJECT_DIRECTORY / "cnnviz" / "ui" / "shared"
COMPUTE = """(payloads) => payloads.map((text) => {
  const layer = makeLayer(unpack(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))));
  return Array.from(layer.output, (_, index) => {
    const place = placeOf(layer, index);
    if (!place) return null;
    if (layer.others && (place.row !== layer.others.row || place.column !== layer.others.column)) return null;
    return layer.mode === "sum" ? partsAt(layer, place).total : pooledAt(layer, place);
  });
})"""
LAYERS: list[tuple[nn.Module, tuple[int, ...]]] = [
    (nn.Conv2d(3, 2, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1)), (3, 6, 7)),
    (nn.Conv2d(4, 4, 3, padding="same", groups=2), (4, 5, 5)),
    (nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 4, 4)),
    (nn.MaxPool2d(3, 2, 1, ceil_mode=True), (2, 6, 7)),
    (nn.AvgPool2d(3, 2, 1, ceil_mode=True), (2, 6, 6)),
    (nn.AvgPool2d(2, 2, 1, count_include_pad=False), (2, 5, 5)),
    (nn.AdaptiveAvgPool2d((3, 2)), (2, 7, 5)),
    (nn.Linear(12, 5), (12,)),
]


@pytest.fixture
def computing(chromium: Browser) -> Any:
    """A page on which the component's arithmetic is known."""
    page = chromium.new_page()
    for path in (SHARED / "payload.js", FOLDER / "sums.js"):
        page.add_script_tag(content=path.read_text(encoding="utf-8"))
    yield page
    page.close()


def packed(model: nn.Module, shape: tuple[int, ...], most_bytes: int = 900_000) -> tuple[str, Tensor]:
    """What the browser gets of output channel 1, and what PyTorch computed there."""
    torch.manual_seed(9)
    traced = trace(model.eval(), shape)
    x = torch.randn(1, *shape)
    layer = arithmetic_of(model, x, traced, traced.ops[0])
    payload = Payload()
    facts = describe(layer, 1, payload, most_bytes)
    if len(facts["channels"]) < facts["sources"]:
        facts["others"] = others(layer, 1, (1, 2), payload, facts["channels"])
    with torch.no_grad():
        output = model(x)[0]
    return base64.b64encode(payload.pack(facts)).decode(), output if output.dim() == 1 else output[
        1
    ].flatten()


def test_every_value_is_what_pytorch_computes(computing: Page) -> None:
    pairs = [packed(*layer) for layer in LAYERS]
    for found, (_, expected) in zip(
        computing.evaluate(COMPUTE, [text for text, _ in pairs]), pairs, strict=True
    ):
        assert found == pytest.approx(expected.tolist(), abs=1e-5)


def test_channels_that_were_asked_for_complete_the_sum(computing: Page) -> None:
    text, expected = packed(nn.Conv2d(30, 2, 3), (30, 6, 6), most_bytes=1500)
    (found,) = computing.evaluate(COMPUTE, [text])
    assert found[4 + 2] == pytest.approx(float(expected[4 + 2]), abs=1e-5)
    assert sum(value is not None for value in found) == 1


def network_outputs(image: int) -> dict[str, Tensor]:
    """What PyTorch makes of a test image of the sample, by op, in the first shipped network."""
    checkpoint = checkpoints.get("basic-cnn-mnist")
    model = checkpoints.load_model(checkpoint)
    pixels = datasets.load("mnist-sample").test_images[image]
    recipe = checkpoint.recipe
    traced = trace(model, (1, 28, 28))
    x = as_input(pixels.numpy().tobytes(), (1, 28, 28), recipe.preparation)
    return {op.name: out[0] for op, out in zip(traced.ops, capture(model, x, traced), strict=True)}


def opened(page: Page, server: Server, link: str) -> tuple[Locator, Locator]:
    """The output's canvas, and the result."""
    page.goto(f"{server.url}/{PAGE}&{link}")
    result = page.locator(".pixels .result")
    expect(result).to_be_visible()
    settle(page)
    canvas = page.locator(".pixels .output canvas")
    canvas.scroll_into_view_if_needed()
    return canvas, result


def point(page: Page, canvas: Locator, row: int, column: int, rows: int, columns: int) -> None:
    box = canvas.bounding_box()
    assert box is not None
    x = box["x"] + (column + 0.5) / columns * box["width"]
    page.mouse.move(x, box["y"] + (row + 0.5) / rows * box["height"])


def number(locator: Locator) -> float:
    return float(locator.inner_text().replace("−", "-"))


def test_hovering_shows_pytorchs_numbers_and_a_click_is_kept_in_the_link(server: Server, page: Page) -> None:
    canvas, result = opened(page, server, "layer=conv2&channel=3")
    outputs = network_outputs(0)["conv2"][3]
    for row, column in ((0, 0), (2, 5), (7, 7)):
        point(page, canvas, row, column, 8, 8)
        heading = page.locator(".pixels .heading")
        expect(heading).to_have_text(f"Output row {row} (0 to 7), column {column} (0 to 7)")
        assert number(result) == pytest.approx(float(outputs[row, column]), rel=1e-5, abs=1e-5)
        expect(page.locator(".pixels .check")).to_have_class(re.compile("same"))
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile("at=7-7"))
    page.reload()
    expect(page.locator(".pixels .heading")).to_have_text("Output row 7 (0 to 7), column 7 (0 to 7)")
    assert number(result) == pytest.approx(float(outputs[7, 7]), rel=1e-5, abs=1e-5)


def test_the_values_of_a_linear_layer_answer_too(server: Server, page: Page) -> None:
    canvas, result = opened(page, server, "layer=fc")
    outputs = network_outputs(0)["fc"]
    for value in (0, 9):
        point(page, canvas, value, 0, 10, 1)
        expect(page.locator(".pixels .heading")).to_contain_text(f"Output value {value}")
        assert number(result) == pytest.approx(float(outputs[value]), rel=1e-5, abs=1e-5)


def test_the_output_follows_an_edited_kernel(server: Server, page: Page) -> None:
    canvas, result = opened(page, server, "layer=conv1&at=11-11")
    before = number(result)
    weight = page.locator(".pixels .kernel input").first
    patch = number(page.locator(".pixels .patch .grid span").first)
    old = float(weight.input_value().replace("−", "-"))
    expect(page.locator(".pixels .input figcaption")).to_have_text("Input (one channel)")
    weight.focus()
    frame = weight.evaluate(
        "cell => [getComputedStyle(cell).outlineWidth, getComputedStyle(cell).outlineOffset]"
    )
    assert frame == ["3px", "-3px"]  # what lies outside of the grid is cut off
    weight.fill("2.5")
    weight.press("Enter")
    expect(page.locator(".pixels .check")).to_contain_text("With the learned kernel, PyTorch computed")
    assert number(result) - before == pytest.approx((2.5 - old) * patch, abs=2e-3)
    page.get_by_role("button", name="Identity").click()
    centre = page.locator(".pixels .patch .grid span").nth(12)
    bias = number(page.locator(".pixels .bar .value").last)
    assert number(result) == pytest.approx(number(centre) + bias, abs=2e-3)
    page.get_by_role("button", name="as learned").click()
    assert number(result) == before
    canvas.focus()
    canvas.press("ArrowRight")
    expect(page.locator(".pixels .heading")).to_have_text("Output row 11 (0 to 23), column 12 (0 to 23)")


def test_backward_a_click_chooses_the_weight_and_its_sum_is_shown(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/{PAGE}&way=backward&layer=conv2&label=3&weight=0-0")
    total = page.locator(".gradients .result")
    expect(total).to_be_visible()
    settle(page)
    canvas = page.locator(".gradients .pick canvas").first
    canvas.scroll_into_view_if_needed()
    point(page, canvas, 3, 1, 5, 5)
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile("weight=3-1"))
    canvas = page.locator(".gradients .pick canvas").first
    canvas.press("ArrowRight")
    expect(page).to_have_url(re.compile("weight=3-2"))
    check = page.locator(".gradients .check")
    until(lambda: f"computed {total.inner_text()}: the same" in check.inner_text())  # both are drawn anew
    parts = [number(bar) for bar in page.locator(".gradients .bar .value").all()]
    assert sum(parts) == pytest.approx(number(total), abs=0.005)

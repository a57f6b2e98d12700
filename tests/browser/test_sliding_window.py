"""The walking kernel: its arithmetic is JavaScript, so a real browser computes what PyTorch computes."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Browser, Locator, Page, expect
from torch import Tensor
from torch.nn import functional as F

from benchmarks.browser import settle
from benchmarks.serving import Server
from cnnviz.errors import UsageError
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.shapes.sliding_window import Window, preset_kernel, sample_digits, slide, small_image
from cnnviz.ui.convolution.animation import layer_data
from cnnviz.ui.convolution.layer import KINDS, Layer

expect.set_options(timeout=60_000)
ARITHMETIC = PROJECT_DIRECTORY / "cnnviz" / "ui" / "convolution" / "sliding_window" / "arithmetic.js"
COMPUTE = """(layers) => layers.map((layer) => ({
  values: Array.from(outputValues(layer)),
  // the numbers that the tables show, added up as the line below them says
  shown: Array.from(outputValues(layer), (_, index) => {
    const at = [Math.floor(index / layer.columns), index % layer.columns];
    const cells = layer.planes.flatMap((_, channel) => windowCells(layer, channel, ...at));
    const inside = cells.filter((cell) => cell.place === "inside").map((cell) => cell.value);
    const sum = cells.reduce((total, cell) => total + cell.product, 0);
    if (layer.mode === "max") return Math.max(...inside);
    return layer.mode === "sum" ? sum + layer.bias : sum / countedCells(layer, ...at);
  }),
  readers: readersOf(layer, 1, 2),
}))"""


def some_layer(chance: random.Random) -> tuple[Layer, np.ndarray, list[np.ndarray], float]:
    """A layer that PyTorch accepts, with an image and weights."""
    while True:
        kind = chance.choice(list(KINDS))
        pooling = KINDS[kind].pooling
        window = Window(
            kernel=chance.randint(1, 4),
            stride=chance.randint(1, 3),
            padding=chance.randint(0, 2) if pooling else chance.choice((0, 1, 3, "same", "valid")),
            dilation=1 if kind == "average-pooling" else chance.randint(1, 3),
            ceil_mode=pooling and chance.random() < 0.5,
            pooling=pooling,
        )
        layer = Layer(kind, chance.randint(2, 11), chance.randint(3, 11), window)
        try:
            slide(window, layer.height, layer.width)
        except UsageError:
            continue
        numbers = np.random.default_rng(chance.randrange(10_000))
        channels = KINDS[kind].channels
        image = numbers.integers(0, 10, (channels, layer.height, layer.width)).astype(np.uint8)
        weights = [] if pooling else list(numbers.normal(size=(channels, window.kernel, window.kernel)))
        return layer, image, weights, 0.0 if pooling else chance.uniform(-3, 3)


def by_torch(layer: Layer, image: Tensor, weights: list[np.ndarray], bias: float) -> Tensor:
    """What PyTorch computes: (rows, columns)."""
    window = layer.window
    if layer.kind == "max-pooling":
        sizes = (window.kernel, window.stride, window.padding, window.dilation, window.ceil_mode)
        return F.max_pool2d(image, *sizes)[0]
    if layer.kind == "average-pooling":
        return F.avg_pool2d(image, window.kernel, window.stride, window.padding, window.ceil_mode)[0]
    kernel = torch.from_numpy(np.stack(weights))[None]
    shift = torch.tensor([bias], dtype=torch.float64)
    if window.padding == "same":  # an even kernel makes conv2d warn of the copy that it pads
        before, after = window.pads
        image, window = F.pad(image, (before, after, before, after)), replace(window, padding=0)
    return F.conv2d(image[None], kernel, shift, window.stride, window.padding, window.dilation)[0, 0]


def test_browser_computes_what_pytorch_computes(chromium: Browser) -> None:
    chance = random.Random(4)
    cases = [some_layer(chance) for _ in range(120)]
    data = [
        layer_data(case[0], slide(case[0].window, case[0].height, case[0].width), *case[1:]) for case in cases
    ]
    page = chromium.new_page()
    page.add_script_tag(content=ARITHMETIC.read_text(encoding="utf-8"))
    results: list[dict[str, Any]] = page.evaluate(COMPUTE, data)
    page.close()
    assert {case[0].kind for case in cases} == set(KINDS)
    for (layer, pixels, weights, bias), result in zip(cases, results, strict=True):
        image = torch.from_numpy(pixels).double().requires_grad_()
        expected = by_torch(layer, image, weights, bias)
        for computed in (result["values"], result["shown"]):
            torch.testing.assert_close(torch.tensor(computed).double(), expected.detach().flatten())
        if layer.kind == "average-pooling":  # of the others a pixel may be read and still weigh nothing
            weighed = [
                torch.autograd.grad(value, image, retain_graph=True)[0][0] for value in expected.flatten()
            ]
            assert result["readers"] == [index for index, grad in enumerate(weighed) if grad[1, 2] > 0]


def opened(page: Page, server: Server, link: str = "") -> Locator:
    page.goto(f"{server.url}/convolution{link}")
    settle(page)
    walker = page.locator(".st-key-sliding_window .sliding_window")
    expect(walker.locator(".heading")).to_have_text(re.compile("Output row"))
    return walker


def over(canvas: Locator, row: int, column: int, rows: int, columns: int) -> tuple[float, float]:
    """The middle of a cell of the output."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    return (
        box["x"] + box["width"] * (column + 0.5) / columns,
        box["y"] + box["height"] * (row + 0.5) / rows,
    )


def numbers(place: Locator) -> list[float]:
    return [float(text.replace("−", "-")) for text in place.locator("span").all_inner_texts()]


def edges_of_the_digit() -> Tensor:
    image = small_image("digit-3", (10, 10), False, sample_digits())
    kernel = torch.from_numpy(preset_kernel("vertical-edges", 3))[None, None]
    return F.conv2d(torch.from_numpy(image).double()[None], kernel)[0, 0]


def test_a_value_under_the_mouse_shows_its_patch_and_a_click_keeps_it_in_the_link(
    server: Server, page: Page
) -> None:
    walker = opened(page, server)
    heading, result = walker.locator(".heading"), walker.locator(".result")
    first = heading.inner_text()
    expect(heading).not_to_have_text(first)  # it walks by itself
    expected = edges_of_the_digit()
    output = walker.locator(".output canvas")
    for row, column in ((4, 3), (0, 7), (7, 0)):
        page.mouse.move(*over(output, row, column, 8, 8))
        expect(heading).to_have_text(f"Output row {row} (0 to 7), column {column} (0 to 7)")
        assert float(result.inner_text().replace("−", "-")) == expected[row, column]
        products = numbers(walker.locator(".products .grid"))
        pairs = zip(
            numbers(walker.locator(".patch .grid")), numbers(walker.locator(".weights .grid")), strict=True
        )
        assert products == [value * weight for value, weight in pairs]
        assert sum(products) == expected[row, column]
    page.mouse.click(*over(output, 2, 5, 8, 8))
    page.mouse.move(0, 0)
    expect(page).to_have_url(re.compile("at=3-6"))
    output.press("ArrowDown")
    expect(page).to_have_url(re.compile("at=4-6"))
    page.reload()
    expect(heading).to_have_text("Output row 3 (0 to 7), column 5 (0 to 7)")
    walker.get_by_role("button", name="Step forward").click()
    expect(heading).to_have_text("Output row 3 (0 to 7), column 6 (0 to 7)")
    walker.get_by_role("button", name="Play").click()
    expect(heading).not_to_have_text("Output row 3 (0 to 7), column 6 (0 to 7)")
    expect(page).not_to_have_url(re.compile("at="))


def test_three_partial_sums_and_the_bias_add_up(server: Server, page: Page) -> None:
    walker = opened(page, server, "?layer=rgb&mix=red-green&at=3-2&bias=2")
    partial = [
        float(text.split()[-1].replace("−", "-")) for text in walker.locator(".subtotal").all_inner_texts()
    ]
    image = small_image("discs", (10, 10), True, None)
    slices = torch.from_numpy(preset_kernel("vertical-edges", 3))[None, None]
    planes = torch.from_numpy(image).double()
    expected = [
        F.conv2d(planes[None, [c]], slices * factor)[0, 0, 2, 1] for c, factor in enumerate((1, -1, 0))
    ]
    assert partial == expected
    assert partial[0] != 0
    assert float(walker.locator(".result").inner_text().replace("−", "-")) == sum(partial) + 2


def test_who_wants_less_motion_gets_a_still_picture_that_a_finger_moves(server: Server, phone: Page) -> None:
    phone.emulate_media(reduced_motion="reduce")
    walker = opened(phone, server)
    heading = walker.locator(".heading")
    phone.wait_for_timeout(600)
    expect(heading).to_have_text("Output row 0 (0 to 7), column 0 (0 to 7)")
    expect(walker.get_by_role("button", name="Play")).to_be_visible()
    phone.touchscreen.tap(*over(walker.locator(".output canvas"), 5, 6, 8, 8))
    expect(heading).to_have_text("Output row 5 (0 to 7), column 6 (0 to 7)")
    expect(phone).to_have_url(re.compile("at=6-7"))

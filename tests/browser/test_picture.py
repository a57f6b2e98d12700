"""The living picture: the arithmetic of its values, receptive fields, and what follows from a change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import stroke
from benchmarks.serving import Server
from cnnviz import datasets
from cnnviz.browser import script
from cnnviz.browser.packing import packed
from cnnviz.cli.main import main
from cnnviz.drawing.pictures import digit_from_picture, garment_from_picture
from cnnviz.interpret.activations import feature_maps
from cnnviz.interpret.inputs import Pixels, middle_part, on_paper, scaled, with_channels
from cnnviz.shapes.receptive_field import receptive_fields
from cnnviz.tracing.trace import trace
from cnnviz.training.checkpoints import checkpoints
from cnnviz.ui.inside import example
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_engine import as_text
from tests.drawing import test_pictures as photos

SHIPPED = [found.id for found in checkpoints.available() if found.is_shipped]
_SETUP = """([code, names]) => {
  const text = `${code}\nglobalThis.cnnviz = {${names}};`;
  return import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}"""
_BYTES = "const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;"
_ARITHMETIC = f"""([network, image, places]) => {{
  {_BYTES}
  const {{ plan, tensors }} = cnnviz.readNetwork(bytes(network));
  const engine = new cnnviz.Network(plan, tensors);
  engine.run(new Float32Array(bytes(image)));
  const of = (index) => (index < 0 ? engine.input.data : engine.outputs[index].data);
  return places.map(([index, flat]) => {{
    const found = cnnviz.arithmetic(plan, tensors, of, index, flat);
    return found === null ? null : [found.value, of(index)[flat]];
  }});
}}"""
_FIELDS = f"""([network, places]) => {{
  {_BYTES}
  const {{ plan }} = cnnviz.readNetwork(bytes(network));
  return places.map(([index, row, column]) => cnnviz.receptiveField(plan, index, row, column));
}}"""
_PHOTO = f"""([rgba, width, height, reads, shape]) => {{
  {_BYTES}
  const image = cnnviz.preparePhoto(new Uint8ClampedArray(bytes(rgba)), width, height, reads, shape);
  return image && [...image];
}}"""


@pytest.fixture(scope="module")
def sheet(chromium: Browser) -> Iterator[Page]:
    """An empty page with the engine and the parts of the picture in it."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto("about:blank")
    code = script.joined(["engine", "layout", "arithmetic", "field"])
    page.evaluate(_SETUP, [code, "readNetwork, Network, arithmetic, receptiveField"])
    yield page
    context.close()


def test_a_value_that_mixes_channels_is_not_explained_by_itself(sheet: Page) -> None:
    asked = """(kernel) => {
      const op = { kernel, inputs: [-1], shape: [3, 1, 1], size: 3, alpha: 1, beta: 0.75, k: 1 };
      const values = new Float32Array([1, 2, 3]);
      return cnnviz.arithmetic({ input: [3, 1, 1], ops: [op] }, {}, () => values, 0, 1)?.value ?? null;
    }"""
    assert sheet.evaluate(asked, "localResponseNorm") is None
    assert sheet.evaluate(asked, "copy") is None
    assert sheet.evaluate(asked, "relu") == 2


def network(checkpoint_id: str) -> tuple[Any, Any, str]:
    checkpoint = checkpoints.get(checkpoint_id)
    model = checkpoints.load_model(checkpoint)
    traced = trace(model, checkpoint.recipe.input_shape)
    preparation = checkpoint.recipe.preparation
    return model, traced, as_text(packed(model, traced, preparation.mean, preparation.deviation))


@pytest.mark.parametrize("checkpoint_id", SHIPPED)
def test_the_arithmetic_gives_the_engines_value(sheet: Page, checkpoint_id: str) -> None:
    model, traced, told = network(checkpoint_id)
    x = torch.randn(1, *traced.input_shape, generator=torch.Generator().manual_seed(2))
    sizes = [maps.values.size for maps in feature_maps(model, x, traced)]
    explained = [op.index for op in traced.ops if op.kind != "reshape"]
    places = [[index, at * (sizes[index] - 1) // 6] for index in explained for at in range(7)]
    found = sheet.evaluate(_ARITHMETIC, [told, as_text(x.numpy()), places])
    for (index, _flat), values in zip(places, found, strict=True):
        assert values is not None, traced.ops[index].name
        assert values[0] == pytest.approx(values[1], rel=1e-5, abs=1e-5), traced.ops[index].name


@pytest.mark.parametrize("checkpoint_id", SHIPPED)
def test_receptive_fields_are_cnnvizs(sheet: Page, checkpoint_id: str) -> None:
    _model, traced, told = network(checkpoint_id)
    fields = receptive_fields(traced)
    _channels, height, width = traced.input_shape
    places = []
    for op in traced.ops:
        if len(op.output_shape) == 3:
            _maps, rows, columns = op.output_shape
            places += [
                [op.index, 0, 0],
                [op.index, rows // 2, columns // 3],
                [op.index, rows - 1, columns - 1],
            ]
    found = sheet.evaluate(_FIELDS, [told, places])
    for (index, row, column), field in zip(places, found, strict=True):
        top, left, high, wide = fields[index].patch(row, column)
        inside = {
            "top": max(top, 0),
            "left": max(left, 0),
            "height": min(top + high, height) - max(top, 0),
            "width": min(left + wide, width) - max(left, 0),
        }
        assert field == inside, (traced.ops[index].name, row, column)


@pytest.fixture(scope="module")
def darkroom(chromium: Browser) -> Iterator[Page]:
    """An empty page that prepares photos."""
    page = chromium.new_page()
    page.evaluate(_SETUP, [script.joined(["crop", *script.PHOTOS]), "preparePhoto"])
    yield page
    page.close()


def photographed(page: Page, rgba: Pixels, reads: str, shape: tuple[int, int, int]) -> Pixels | None:
    """What the browser makes of a picture (H, W, 4); None where it finds no digit."""
    height, width, _channels = rgba.shape
    found = page.evaluate(_PHOTO, [as_text(np.ascontiguousarray(rgba)), width, height, reads, list(shape)])
    return None if found is None else np.array(found, np.uint8).reshape(shape)


def kept(rgba: Pixels) -> Pixels:
    """What the server keeps of an uploaded picture (H, W, 4)."""
    factor = min(1, example.KEPT / max(rgba.shape[:2]))
    size = (round(rgba.shape[0] * factor), round(rgba.shape[1] * factor))
    return scaled(rgba.transpose(2, 0, 1), size).transpose(1, 2, 0)


@pytest.mark.parametrize("size", [(480, 640), (301, 200), (33, 40), (32, 32), (20, 24)])
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 24, 48)])
def test_photos_are_prepared_as_on_the_server(
    darkroom: Page, size: tuple[int, int], shape: tuple[int, int, int]
) -> None:
    rgba = np.random.default_rng(3).integers(0, 256, (*size, 4), np.uint8)
    rgba[..., 3] = 255
    channels, height, width = shape
    small = with_channels(on_paper(kept(rgba)), channels)
    expected = scaled(middle_part(small, height, width), (height, width))
    np.testing.assert_array_equal(photographed(darkroom, rgba, "pictures", shape), expected)


PHOTOS = {
    **{name: getattr(photos, name)() for name in ("paper", "pencil", "blackboard", "desk", "ruled", "dirty")},
    "large": np.kron(photos.paper(), np.ones((3, 3, 1), np.uint8)),
    "blank": np.full((200, 260, 4), 255, np.uint8),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_digits_are_found_in_photos_as_on_the_server(darkroom: Page, name: str) -> None:
    expected = digit_from_picture(kept(PHOTOS[name]))
    found = photographed(darkroom, PHOTOS[name], "digits", (1, 28, 28))
    if expected is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found, expected.image[None])


@pytest.mark.parametrize("name", ["paper", "blackboard", "shirt"])
def test_clothing_is_cut_out_as_on_the_server(darkroom: Page, name: str) -> None:
    shirt = np.full((300, 200, 4), 255, np.uint8)
    shirt[60:250, 40:150, :3] = np.random.default_rng(1).integers(0, 120, (190, 110, 3))
    rgba = {**PHOTOS, "shirt": shirt}[name]
    expected = garment_from_picture(kept(rgba)).image[None].astype(int)
    found = photographed(darkroom, rgba, "clothing", (1, 28, 28))
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1)


# -- in a page ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of a network with a drawing on it; whoever changes the network resets it."""
    path: Path = tmp_path_factory.mktemp("pages") / "basic-cnn.html"
    assert main(["page", "basic-cnn", "--output", str(path)]) == 0
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(path.as_uri())
    page.get_by_role("button", name="Example: 4").click()
    expect(page.locator("[data-verdict]")).to_have_text("4", timeout=PATIENCE_MS)
    yield page
    context.close()


def test_one_walks_from_a_value_back_to_the_image(opened: Page) -> None:
    opened.get_by_role("button", name="relu, map 2", exact=True).click()
    detail = opened.locator(".detail")
    for title in ("pooling", "conv1"):
        detail.get_by_role("button", name=f"Go to {title}, map 2").click()
        expect(detail.locator("h3")).to_have_text(f"How map 2 of {title} is made")
    shown = detail.locator("h4").inner_text().rpartition(" ")[2]
    assert detail.locator(".result").inner_text().split()[-1] == shown
    detail.get_by_role("button", name="Go to input").click()
    expect(detail.locator("h3")).to_have_text("input")
    detail.locator(".way").get_by_role("button", name="relu, map 2").click()
    expect(detail.locator("h3")).to_have_text("How map 2 of relu is made")


def test_arrow_keys_move_the_value_that_is_taken_apart(opened: Page) -> None:
    opened.get_by_role("button", name="conv2, map 3", exact=True).click()
    heading = opened.locator(".detail h4")
    opened.locator("canvas.big").click(position={"x": 5, "y": 5})
    expect(heading).to_contain_text("Row 0, column 0:")
    sums = opened.locator(".detail .sums figure").first.element_handle()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowDown")
    expect(heading).to_contain_text("Row 1, column 1:")
    assert sums.evaluate("(figure) => figure.isConnected")  # those of whole maps are not computed again


def test_a_changed_weight_counts_as_in_pytorch(opened: Page) -> None:
    """The accuracy with the change is PyTorch's on the same digits with that weight."""
    opened.get_by_role("button", name="conv1, map 0", exact=True).click()
    weight = opened.get_by_role("slider", name="Weight in row 0, column 1")
    opened.get_by_role("slider", name="Weight in row 0, column 0").focus()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("PageUp")
    opened.get_by_role("button", name="conv1, map 2", exact=True).click()
    opened.get_by_role("button", name="Switch this map off").click()
    opened.get_by_role("button", name="Accuracy on 400 test digits").click()
    said = opened.locator(".accuracy")
    expect(said).to_contain_text("%", timeout=PATIENCE_MS)
    model = checkpoints.load_model(checkpoints.get("basic-cnn-mnist"))
    trained = correct(model)
    kernel = model.conv1.weight.detach()
    with torch.no_grad():
        kernel[0, 0, 0, 1] = 2 * kernel.abs().max()
        kernel[2], model.conv1.bias.data[2] = 0, 0
    now = correct(model)
    assert now < trained
    assert said.inner_text() == (
        f"{now / 4:.1f} % correct ({now} of 400); the trained network: {trained / 4:.1f} %"
    )
    opened.get_by_role("button", name="Reset the network").click()
    expect(said).to_have_text("")
    opened.get_by_role("button", name="conv1, map 0", exact=True).click()
    expect(weight).to_have_attribute("aria-valuenow", json.dumps(round(float(first_weight()), 2)))


SEEN = (
    "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, at) => at % 4 === 0)"
)
"""The grey values of the network's input."""


def test_a_weight_of_a_linear_layer_is_dragged(chromium: Browser, tmp_path: Path) -> None:
    """The unit's value follows by what the weight adds for the brightest pixel of the image."""
    path = tmp_path / "mlp.html"
    assert main(["page", "mlp", "--output", str(path)]) == 0
    page = chromium.new_page(locale="en-GB", reduced_motion="reduce")
    page.set_default_timeout(PATIENCE_MS)
    page.goto(path.as_uri())
    page.get_by_role("button", name="Example: 4").click()
    expect(page.locator("[data-verdict]")).to_have_text("4", timeout=PATIENCE_MS)
    weight = next(iter(checkpoints.load_model(checkpoints.get("mlp-mnist")).state_dict().values()))
    image = np.array(page.locator("#seen").evaluate(SEEN)).reshape(28, 28)
    row, column = (int(place) for place in np.unravel_index(image.argmax(), image.shape))
    page.locator(".map.unit").first.click()
    said = page.locator(".arithmetic h4")
    before = number_in(said.inner_text())
    sheet = page.get_by_role("slider", name="Weights for input channel 0")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + (column + 0.5) * 8, box["y"] + (row + 0.5) * 8)
    page.mouse.down()
    page.mouse.move(box["x"] + (column + 0.5) * 8, box["y"] + (row + 0.5) * 8 - 60)
    page.mouse.up()
    more = float(weight.abs().max()) / 2  # half of the 120 pixels that stand for the largest weight
    now = float(weight[0, 28 * row + column]) + more
    text = f"Weight in row {row}, column {column}: {now:.3f}".replace("-", "\N{MINUS SIGN}")
    expect(sheet).to_have_attribute("aria-valuetext", text)
    added = more * (image.max() / 255 - 0.1307) / 0.3081
    expect(said).not_to_have_text(re.compile(re.escape(f"{before:.3f}")))
    assert number_in(said.inner_text()) == pytest.approx(before + added, abs=0.02)
    page.get_by_role("button", name="Reset the network").click()
    assert float(sheet.get_attribute("aria-valuenow") or "nan") != pytest.approx(now, abs=0.001)
    page.close()


def number_in(text: str) -> float:
    """The last number of a text."""
    return float(re.findall(r"[-\N{MINUS SIGN}]?\d+\.\d+", text)[-1].replace("\N{MINUS SIGN}", "-"))


def first_weight() -> torch.Tensor:
    return checkpoints.load_model(checkpoints.get("basic-cnn-mnist")).conv1.weight[0, 0, 0, 1]


def correct(model: Any) -> int:
    """How many of the digits that the page has brought along the network recognises."""
    data = datasets.load("mnist-sample")
    chosen = [number * 1000 // 400 for number in range(400)]
    x = (data.test_images[chosen].float() / 255 - 0.1307) / 0.3081
    with torch.inference_mode():
        return int((model(x).argmax(1) == data.test_labels[chosen]).sum())


# -- in the app --------------------------------------------------------------------------------------------


def test_the_picture_on_the_draw_page_follows_the_pen(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/draw?view=network&inside=basic-cnn-mnist")
    canvas = page.locator("canvas[data-draw]")
    stroke(page, canvas, (0.5, 0.15), (0.5, 0.5), (0.5, 0.85))
    page.locator(".st-key-follows-drawing").first.scroll_into_view_if_needed()
    picture = page.locator(".network_picture")
    expect(picture.locator(".score.best")).to_contain_text("1", timeout=4 * PATIENCE_MS)
    image = picture.locator(".pane").first
    before = image.evaluate("(canvas) => canvas.toDataURL()")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.down()  # and it stays there: the server hears of nothing
    page.mouse.move(x + box["width"] / 2, y, steps=4)
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before", arg=[image.element_handle(), before]
    )
    page.mouse.up()

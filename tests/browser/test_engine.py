"""The browser's engine and its preparation of drawings, in a real Chromium, against PyTorch and cnnviz.drawing."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import datasets
from cnnviz.browser import script
from cnnviz.browser.packing import packed
from cnnviz.browser.plan import UnplannableError, plan
from cnnviz.drawing import to_mnist
from cnnviz.drawing.strokes import EXAMPLES, example
from cnnviz.interpret.activations import feature_maps
from cnnviz.operations.operation import registered
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.tracing.trace import trace
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.transforms.batch_preparer import BatchPreparer
from tests.drawing.canvas import rendered

ENGINE = (
    script.joined(("engine", "convolution", "quick"))
    + "export { Network, QuickNetwork, quickNetwork, readNetwork, readSafetensors };"
)
TOLERANCE = 1e-4
_SETUP = """async ([engine, preparation]) => {
  const load = (text) => import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  [window.engine, window.preparation] = [await load(engine), await load(preparation)];
  window.bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  window.text = (array) => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    let found = "";
    for (let at = 0; at < bytes.length; at += 32768) found += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(found);
  };
}"""
_OUTPUTS = """([plan, weights, image]) => {
  const tensors = engine.readSafetensors(bytes(weights));
  return [new engine.Network(plan, tensors), engine.quickNetwork(plan, tensors)].map((network) => {
    network.run(new Float32Array(bytes(image)).fill(9)); // what is left of one run is not in the next
    network.run(new Float32Array(bytes(image)));
    return network.outputs.map((output) => text(output.data));
  });
}"""
_DIGITS = """([pixels]) => { window.digits = new Uint8Array(bytes(pixels)); }"""
_CLASSES = """(network) => {
  const { plan, mean, deviation, tensors } = engine.readNetwork(bytes(network));
  return [new engine.Network(plan, tensors), engine.quickNetwork(plan, tensors)].map((running) => {
    const size = running.input.data.length;
    const image = new Float32Array(size);
    const found = new Uint8Array(digits.length / size);
    for (let at = 0; at < found.length; at++) {
      for (let k = 0; k < size; k++) image[k] = (digits[at * size + k] / 255 - mean[0]) / deviation[0];
      const scores = running.run(image);
      found[at] = scores.indexOf(Math.max(...scores));
    }
    return text(found);
  });
}"""
_PREPARED = """([rgba, width, height, background]) => {
  const found = preparation.prepare(new Uint8ClampedArray(bytes(rgba)), width, height, background);
  return found && text(found.image);
}"""


@pytest.fixture(scope="module")
def sheet(chromium: Browser) -> Iterator[Page]:
    """An empty page with the engine in it."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto("about:blank")
    page.evaluate(_SETUP, [ENGINE, (script.FOLDER / "preparation.js").read_text("utf-8")])
    yield page
    context.close()


def as_text(data: bytes | NDArray[Any]) -> str:
    return base64.b64encode(data if isinstance(data, bytes) else data.tobytes()).decode()


def outputs(
    sheet: Page, model: nn.Module, weights: bytes, x: Tensor
) -> tuple[list[list[NDArray[np.float32]]], Any]:
    """Of every operation, by the engine with and without WebAssembly; and the trace."""
    traced = trace(model, tuple(x.shape[1:]))
    told = plan(traced, model.state_dict())
    both = sheet.evaluate(_OUTPUTS, [told, as_text(weights), as_text(x.numpy())])
    return [[np.frombuffer(base64.b64decode(text), np.float32) for text in found] for found in both], traced


def assert_alike(sheet: Page, model: nn.Module, x: Tensor, weights: bytes | None = None) -> None:
    model = model.eval().requires_grad_(False)
    if weights is None:
        weights = safetensors.torch.save({name: t.contiguous() for name, t in model.state_dict().items()})
    both, traced = outputs(sheet, model, weights, x)
    for plain, quick, maps in zip(*both, feature_maps(model, x, traced), strict=True):
        expected = maps.values.ravel()
        for values in (plain, quick):
            assert np.abs(values - expected).max() < TOLERANCE * max(1.0, np.abs(expected).max()), (
                maps.op.name
            )


@pytest.mark.parametrize("checkpoint_id", [found.id for found in checkpoints.available() if found.is_shipped])
def test_every_output_of_the_shipped_networks_is_pytorchs(sheet: Page, checkpoint_id: str) -> None:
    checkpoint = checkpoints.get(checkpoint_id)
    model = checkpoints.load_model(checkpoint)
    generator = torch.Generator().manual_seed(1)
    for _ in range(2):
        x = torch.randn(1, *checkpoint.recipe.input_shape, generator=generator)
        assert_alike(sheet, model, x, checkpoint.read_weights())


class Calling(nn.Module):
    """A function of one tensor as a network."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def normalised(norm: nn.Module, *shape: int) -> nn.Module:
    """A batch normalisation that has seen data."""
    norm(torch.randn(16, *shape) * 3 + 1)
    nn.init.normal_(norm.weight)  # type: ignore[arg-type]
    return norm


MAPS = (6, 9, 8)
CALLS: Mapping[str, list[tuple[Callable[[], nn.Module], tuple[int, ...]]]] = {
    "conv2d": [
        (lambda: nn.Conv2d(6, 10, 3), MAPS),
        (lambda: nn.Conv2d(6, 9, (2, 3), stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=3), MAPS),
        (lambda: nn.Conv2d(6, 6, (3, 4), padding="same", groups=6, bias=False), MAPS),
        (lambda: nn.Conv2d(6, 2, 3, padding="valid"), MAPS),
    ],
    "linear": [
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(6 * 72, 11)), MAPS),
        (lambda: nn.Linear(8, 5, bias=False), MAPS),
    ],
    "max_pool2d": [
        (lambda: nn.MaxPool2d(2), MAPS),
        (lambda: nn.MaxPool2d((3, 2), stride=(2, 1), padding=1, dilation=(2, 1), ceil_mode=True), MAPS),
    ],
    "avg_pool2d": [
        (lambda: nn.AvgPool2d(2), MAPS),
        (lambda: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), MAPS),
        (lambda: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), MAPS),
        (lambda: nn.AvgPool2d(2, divisor_override=3), MAPS),
        (lambda: Calling(lambda x: F.avg_pool2d(x, 3, padding=1, count_include_pad=False)), MAPS),
    ],
    "adaptive_avg_pool2d": [
        (lambda: nn.AdaptiveAvgPool2d((4, 3)), MAPS),
        (lambda: nn.AdaptiveAvgPool2d(1), MAPS),
    ],
    "adaptive_max_pool2d": [(lambda: nn.AdaptiveMaxPool2d((4, 3)), MAPS)],
    "BatchNorm1d": [
        (lambda: nn.Sequential(nn.Flatten(), normalised(nn.BatchNorm1d(432), 432)), MAPS),
    ],
    "BatchNorm2d": [
        (lambda: normalised(nn.BatchNorm2d(6, eps=0.1), *MAPS), MAPS),
        (lambda: nn.BatchNorm2d(6, affine=False), MAPS),
    ],
    "BatchNorm3d": [(lambda: normalised(nn.BatchNorm3d(2), 2, 3, 3, 3), (2, 3, 3, 3))],
    "local_response_norm": [
        (lambda: nn.LocalResponseNorm(5, alpha=0.5, beta=0.6, k=2), MAPS),
        (lambda: nn.LocalResponseNorm(4, alpha=1), MAPS),
        (lambda: Calling(lambda x: F.local_response_norm(x, 3)), MAPS),
    ],
    "prelu": [(lambda: nn.PReLU(6, init=0.3), MAPS), (lambda: nn.PReLU(), MAPS)],
    "gelu": [(lambda: nn.GELU(), MAPS), (lambda: nn.GELU("tanh"), MAPS)],
    "leaky_relu": [(lambda: nn.LeakyReLU(0.2), MAPS), (lambda: Calling(F.leaky_relu), MAPS)],
    "softplus": [(lambda: nn.Softplus(2, 3), MAPS)],
    "hardtanh": [(lambda: nn.Hardtanh(-0.5, 2), MAPS), (lambda: Calling(F.hardtanh), MAPS)],
    "threshold": [(lambda: nn.Threshold(0.3, -2), MAPS)],
    "softmax": [
        (lambda: nn.Softmax(dim=1), MAPS),
        (lambda: nn.Softmax(dim=-1), MAPS),
        (lambda: Calling(partial(F.softmax, dim=2)), MAPS),
    ],
    "Softmax2d": [(lambda: nn.Softmax2d(), MAPS)],
    "log_softmax": [(lambda: nn.Sequential(nn.Flatten(), nn.LogSoftmax(dim=1)), MAPS)],
    "softmin": [(lambda: nn.Softmin(dim=2), MAPS)],
    "add": [
        (lambda: Calling(lambda x: x + F.relu(x)), MAPS),
        (lambda: Calling(lambda x: x + F.adaptive_avg_pool2d(x, 1)), MAPS),
    ],
    "sub": [(lambda: Calling(lambda x: F.relu(x) - x), MAPS)],
    "mul": [(lambda: Calling(lambda x: x * F.adaptive_avg_pool2d(x, 1)), MAPS)],
    "div": [(lambda: Calling(lambda x: F.relu(x) / F.softplus(x)), MAPS)],
    "maximum": [(lambda: Calling(lambda x: torch.maximum(x, torch.tanh(x))), MAPS)],
    "minimum": [(lambda: Calling(lambda x: torch.minimum(x, torch.tanh(x))), MAPS)],
    "cat": [
        (lambda: Calling(lambda x: torch.cat([x, F.relu(x)], 1)), MAPS),
        (lambda: Calling(lambda x: torch.cat([x, F.relu(x), x], -1)), MAPS),
    ],
    "feature_dropout": [(lambda: Calling(lambda x: torch.feature_dropout(x, 0.5, False)), MAPS)],
    "flatten": [(lambda: Calling(lambda x: torch.flatten(x, 1)), MAPS), (lambda: nn.Flatten(2), MAPS)],
    "unflatten": [(lambda: nn.Unflatten(1, (2, 3)), MAPS)],
    "view": [(lambda: Calling(lambda x: x.view(x.size(0), -1)), MAPS)],
    "view_as": [(lambda: Calling(lambda x: x.flatten(1).view_as(x)), MAPS)],
    "squeeze": [(lambda: Calling(lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(3)), MAPS)],
    "unsqueeze": [(lambda: Calling(lambda x: x.unsqueeze(1)), MAPS)],
    "pad": [
        (lambda: Calling(lambda x: F.pad(x, (1, 2, 0, 3))), MAPS),
        (lambda: Calling(lambda x: F.pad(x, (0, 0, 0, 0, 2, 1), value=0.5)), MAPS),
    ],
    "getitem": [
        (lambda: Calling(lambda x: x[:, 1:5:2, ::2]), MAPS),
        (lambda: Calling(lambda x: x[..., 1:-1]), MAPS),
    ],
    "mean": [
        (lambda: Calling(lambda x: x.mean((2, 3))), MAPS),
        (lambda: Calling(lambda x: x.mean(-1, keepdim=True)), MAPS),
    ],
}
"""Calls of the operations that the browser computes, by their names in the registry."""


def calls_of(
    name: str, modules: tuple[str | type, ...]
) -> list[tuple[Callable[[], nn.Module], tuple[int, ...]]]:
    """A layer with its own defaults, where the table has nothing better."""
    if name in CALLS:
        return CALLS[name]
    layers = [getattr(nn, layer) for layer in modules if isinstance(layer, str) and hasattr(nn, layer)]
    if layers:
        return [(layers[0], MAPS)]
    function = getattr(torch, name)
    return [(lambda: Calling(function), MAPS)]


CLAIMED = [
    known
    for known in registered()
    if known.kernel is not None and (known.dimensions in (0, 2) or known.name in CALLS)
]
"""The operations of the registry that say that the browser computes them; windows do so for maps alone."""


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", [known.name for known in CLAIMED])
def test_an_operation_that_claims_a_kernel_agrees_with_pytorch(sheet: Page, name: str) -> None:
    operation = next(known for known in CLAIMED if known.name == name)
    for make, shape in calls_of(name, operation.modules):
        torch.manual_seed(7)
        assert_alike(sheet, nn.Sequential(make()), torch.randn(1, *shape) * 2)


LAYERS: list[Callable[[int], nn.Module]] = [
    lambda c: nn.Conv2d(c, 6, 3, padding=1),
    lambda c: nn.Conv2d(c, c, 3, padding=1, groups=c),
    lambda c: nn.Conv2d(c, 5, 1, bias=False),
    lambda c: nn.Conv2d(c, 4, 3, stride=2, padding=2, dilation=2),
    lambda c: normalised(nn.BatchNorm2d(c), c, 5, 5),
    lambda _: nn.ReLU(),
    lambda _: nn.Tanh(),
    lambda _: nn.SiLU(),
    lambda _: nn.GELU(),
    lambda _: nn.Dropout(0.3),
    lambda _: nn.MaxPool2d(2, ceil_mode=True),
    lambda _: nn.AvgPool2d(3, 1, padding=1),
]


class Branching(nn.Module):
    """Two ways side by side, added where they fit, else concatenated where that fits, and a shortcut."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.left(x), self.right(x)
        if a.shape == b.shape:
            return F.relu(a + b)
        return torch.cat([a, b], 1) if a.shape[2:] == b.shape[2:] else a


def assembled(choices: list[int], channels: int) -> nn.Module:
    torch.manual_seed(sum(choices))
    layers: list[nn.Module] = []
    width = channels
    for number in choices:
        layer = LAYERS[number](width)
        width = getattr(layer, "out_channels", width)
        layers.append(layer)
    half = len(layers) // 2
    if not half:
        return nn.Sequential(*layers)
    beside = nn.Conv2d(channels, 6, 3, padding=1)
    first: nn.Module = nn.Sequential(*layers[:half])
    branches = Branching(first, beside)
    joined = branches(torch.zeros(2, channels, 12, 11)).shape[1]
    return nn.Sequential(branches, nn.Conv2d(joined, 7, 2), nn.Flatten(), nn.LazyLinear(10), nn.LogSoftmax(1))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=st.lists(st.integers(0, len(LAYERS) - 1), min_size=1, max_size=6), channels=st.integers(1, 4))
def test_random_small_networks_agree(sheet: Page, choices: list[int], channels: int) -> None:
    model = assembled(choices, channels)
    x = torch.randn(2, channels, 12, 11)
    with torch.no_grad():
        model.eval()(x)
    assert_alike(sheet, model, x[:1])


def test_it_names_the_same_classes_for_a_thousand_digits(sheet: Page) -> None:
    data = datasets.load("mnist-sample")
    assert len(data.test_images) >= 500
    assert_same_classes(sheet, data.test_images, ["basic-cnn-mnist"])


@pytest.mark.skipif(
    not os.environ.get("CNNVIZ_TEST_DATA") or not datasets.is_available("mnist"), reason="needs all of MNIST"
)
def test_all_digit_networks_name_the_same_classes_for_all_of_mnists_test_images(sheet: Page) -> None:
    data = datasets.load("mnist")
    assert len(data.test_images) == 10_000
    shipped = [found.id for found in checkpoints.available() if found.is_shipped and found.dataset == "mnist"]
    assert len(shipped) >= 7
    assert_same_classes(sheet, data.test_images, shipped)


def assert_same_classes(sheet: Page, images: Tensor, checkpoint_ids: list[str]) -> None:
    """The engine's classes of ``images`` (N, 1, 28, 28), uint8, are those of PyTorch; a page's call for each network."""
    sheet.evaluate(_DIGITS, [as_text(images.numpy())])
    for checkpoint_id in checkpoint_ids:
        checkpoint = checkpoints.get(checkpoint_id)
        model = checkpoints.load_model(checkpoint)
        preparer = BatchPreparer(checkpoint.recipe.preparation, (1, 28, 28), torch.device("cpu"))
        x = preparer.test(images)
        with torch.inference_mode():
            expected = torch.cat([model(part).argmax(1) for part in x.split(500)])
        preparation = checkpoint.recipe.preparation
        network = packed(model, trace(model, (1, 28, 28)), preparation.mean, preparation.deviation)
        for text in sheet.evaluate(_CLASSES, as_text(network)):
            found = np.frombuffer(base64.b64decode(text), np.uint8)
            differ = np.flatnonzero(found != expected.numpy())
            assert not differ.size, f"{checkpoint_id}: images {differ[:10]}"


def drawings() -> list[NDArray[np.uint8]]:
    """200 canvases (H, W, 4): the example digits in several sizes of pen, and strokes at random."""
    found = [rendered(example(name, 320, pen), 320) for name in EXAMPLES for pen in (12, 18, 24, 40)]
    generator = np.random.default_rng(3)
    while len(found) < 200:
        canvas = np.zeros((96, 128, 4), np.uint8)
        canvas[..., 3] = 255
        top, left = generator.integers(0, 60), generator.integers(0, 90)
        height, width = generator.integers(2, 36), generator.integers(2, 38)
        soft = generator.integers(0, 256, (height, width, 1))
        canvas[top : top + height, left : left + width, :3] = soft * (
            generator.random((height, width, 1)) < 0.6
        )
        found.append(canvas)
    return found


def test_drawings_become_the_same_pixels(sheet: Page) -> None:
    background = (0, 0, 0, 255)
    inked = 0
    for canvas in drawings():
        expected = to_mnist(canvas, background)
        height, width = canvas.shape[:2]
        found = sheet.evaluate(_PREPARED, [as_text(canvas), width, height, list(background)])
        if expected is None:
            assert found is None
            continue
        inked += 1
        pixels = np.frombuffer(base64.b64decode(found), np.uint8).reshape(28, 28).astype(int)
        assert np.abs(pixels - expected.image.astype(int)).max() <= 1
    assert inked > 190


@pytest.mark.parametrize(
    ("model", "shape", "reason"),
    [
        (lambda: nn.ConvTranspose2d(1, 2, 3), (1, 8, 8), "ConvTranspose2d"),
        (lambda: nn.Conv2d(3, 64, 7), (3, 224, 224), "multiply-adds"),
        (lambda: Calling(lambda x: F.dropout(x, 0.5)), (1, 8, 8), "dropout"),
        (lambda: Calling(lambda x: torch.add(x, x, alpha=2)), (1, 8, 8), "add"),
        (lambda: Calling(lambda x: x * 2), (1, 8, 8), "mul"),
        (lambda: nn.Linear(5, 2), (8,), "8"),
    ],
)
def test_what_the_browser_cannot_compute_is_refused(
    model: Callable[[], nn.Module], shape: tuple[int, ...], reason: str
) -> None:
    made = model()
    with pytest.raises(UnplannableError, match=reason):
        plan(trace(made, shape), made.state_dict())


def test_weights_that_are_cut_off_are_an_error_with_a_sentence(sheet: Page) -> None:
    data = checkpoints.get("basic-cnn-mnist").read_weights()
    for cut in (4, 100, len(data) - 1):
        told = sheet.evaluate(
            "(data) => { try { engine.readSafetensors(bytes(data)); } catch (error) { return error.message; } }",
            as_text(data[:cut]),
        )
        assert "cut off" in told


def test_the_quick_networks_need_webassembly_and_the_page_does_without(sheet: Page) -> None:
    told = as_text(packed_basic_cnn())
    made = """(data) => {
      const { plan, tensors } = engine.readNetwork(bytes(data));
      return engine.quickNetwork(plan, tensors).constructor.name;
    }"""
    assert sheet.evaluate(made, told) == "QuickNetwork"
    without = sheet.context.new_page()
    without.add_init_script("delete globalThis.WebAssembly")
    without.goto("data:text/html,")
    without.evaluate(_SETUP, [ENGINE, (script.FOLDER / "preparation.js").read_text("utf-8")])
    assert without.evaluate(made, told) == "Network"
    without.close()


def packed_basic_cnn() -> bytes:
    checkpoint = checkpoints.get("basic-cnn-mnist")
    model = checkpoints.load_model(checkpoint)
    preparation = checkpoint.recipe.preparation
    return packed(model, trace(model, (1, 28, 28)), preparation.mean, preparation.deviation)


def test_the_webassembly_is_made_from_the_sources_that_stand_in_its_first_line() -> None:
    sources = PROJECT_DIRECTORY / "frontend" / "engine"
    hashed = hashlib.sha256()
    for name in ("build.mjs", "convolution.ts", "package-lock.json", "package.json"):
        hashed.update((sources / name).read_bytes())
    first = (script.FOLDER / "convolution.js").read_text("utf-8").partition("\n")[0]
    assert f"from sources {hashed.hexdigest()}." in first, "run npm ci && npm run build in frontend/engine"

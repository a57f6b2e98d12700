from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.interpret.pixel import (
    BEYOND,
    MOST_BYTES,
    PADDING,
    Arithmetic,
    Payload,
    arithmetic_of,
    can_be_shown,
    describe,
    others,
    partial_sums,
    pixel,
)
from cnnviz.tracing.trace import trace
from tests.networks import CHEAP, each

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")

SMALL = st.integers(1, 3)
ROUNDING = 2.0**-24  # of float32: half the distance between 1 and the next number


def layer_of(model: nn.Module, shape: tuple[int, ...], name: str | None = None) -> Arithmetic:
    """The arithmetic of a model's only op, or of the op ``name``, for a random image."""
    torch.manual_seed(11)
    traced = trace(model.eval(), shape)
    assert traced.failure is None
    op = traced.ops[0] if name is None else traced.op(name)
    return arithmetic_of(model, torch.randn(1, *shape), traced, op)


def check(layer: Arithmetic, row: int, column: int, channel: int = 0) -> None:
    """The pixel's result is PyTorch's, but for what float32 sums in another order may differ by."""
    found = pixel(layer, channel, row, column)
    terms = found.products.size + 1
    allowed = terms * ROUNDING * (np.abs(found.products).sum() + abs(found.bias))
    assert found.result == pytest.approx(found.computed, abs=max(allowed, 1e-9))
    assert found.computed == float(layer.output[channel, row, column])
    if layer.mode == "sum":
        np.testing.assert_allclose(found.sums, found.products.sum((1, 2)))
        assert found.sums.sum() + found.bias == pytest.approx(found.result)


def check_all(layer: Arithmetic) -> None:
    """Corners and some places between them one by one; what layers with weights add up, everywhere."""
    channels, rows, columns = layer.output.shape
    places = {(0, 0), (rows - 1, columns - 1), (rows - 1, 0), (rows // 2, columns // 2)}
    for channel in range(channels):
        for row, column in places:
            check(layer, row, column, channel)
        if layer.weight is not None and layer.bias is not None:
            sums = partial_sums(layer, channel)
            np.testing.assert_allclose(sums.sum(0) + layer.bias[channel], layer.output[channel], atol=1e-5)
            np.testing.assert_allclose(sums[:, 0, 0], pixel(layer, channel, 0, 0).sums, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(SMALL, SMALL),
    stride=st.tuples(SMALL, SMALL),
    dilation=st.tuples(SMALL, SMALL),
    padding=st.one_of(st.sampled_from(["same", "valid"]), st.tuples(st.integers(0, 3), st.integers(0, 3))),
    groups=SMALL,
    channels=st.tuples(SMALL, SMALL),
    bias=st.booleans(),
)
def test_convolutions(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: str | tuple[int, int],
    groups: int,
    channels: tuple[int, int],
    bias: bool,
) -> None:
    assume(padding != "same" or stride == (1, 1))
    around = padding if isinstance(padding, tuple) else (0, 0)
    fits = padding == "same" or all(size[i] + 2 * around[i] > dilation[i] * (kernel[i] - 1) for i in (0, 1))
    assume(fits)
    conv = nn.Conv2d(
        channels[0] * groups,
        channels[1] * groups,
        kernel,
        stride,
        padding,
        dilation,
        groups=groups,
        bias=bias,
    )
    check_all(layer_of(conv, (channels[0] * groups, *size)))


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(3, 9),
    kernel=st.integers(1, 4),
    stride=SMALL,
    padding=st.integers(0, 2),
    dilation=SMALL,
    ceil_mode=st.booleans(),
)
def test_max_pooling(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> None:
    assume(padding <= kernel // 2 and size + 2 * padding > dilation * (kernel - 1))
    pool = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    check_all(layer_of(pool, (2, size, size + 1)))


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(4, 9),
    kernel=st.integers(1, 4),
    stride=SMALL,
    padding=st.integers(0, 2),
    ceil_mode=st.booleans(),
    count_padding=st.booleans(),
    divisor=st.sampled_from([None, 7]),
)
def test_average_pooling(
    size: int,
    kernel: int,
    stride: int,
    padding: int,
    ceil_mode: bool,
    count_padding: bool,
    divisor: int | None,
) -> None:
    assume(padding <= kernel // 2)
    pool = nn.AvgPool2d(kernel, stride, padding, ceil_mode, count_padding, divisor)
    check_all(layer_of(pool, (2, size, size + 1)))


@given(size=st.tuples(st.integers(1, 9), st.integers(1, 9)), to=st.tuples(SMALL, SMALL))
@settings(max_examples=25, deadline=None)
def test_adaptive_pooling(size: tuple[int, int], to: tuple[int, int]) -> None:
    for pool in (nn.AdaptiveAvgPool2d(to), nn.AdaptiveMaxPool2d(to)):
        check_all(layer_of(pool, (2, *size)))


@given(
    size=st.integers(1, 4),
    kernel=SMALL,
    stride=SMALL,
    padding=st.integers(0, 1),
    dilation=SMALL,
    groups=SMALL,
)
@settings(max_examples=25, deadline=None)
def test_transposed_convolutions(
    size: int, kernel: int, stride: int, padding: int, dilation: int, groups: int
) -> None:
    assume((size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 > 0)
    conv = nn.ConvTranspose2d(
        2 * groups, 2 * groups, kernel, stride, padding, groups=groups, dilation=dilation
    )
    check_all(layer_of(conv, (2 * groups, size, size + 1)))


ONE_DIMENSION: Mapping[str, nn.Module] = {
    "convolution": nn.Conv1d(2, 3, 3, stride=2, padding=2, dilation=2),
    "same": nn.Conv1d(2, 3, 4, padding="same"),
    "transposed": nn.ConvTranspose1d(2, 3, 3, stride=2),
    "max": nn.MaxPool1d(3, 2, 1),
    "average": nn.AvgPool1d(3, 2, 1, ceil_mode=True),
    "adaptive": nn.AdaptiveAvgPool1d(4),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", ONE_DIMENSION)
def test_sequences_are_images_of_one_row(name: str) -> None:
    layer = layer_of(ONE_DIMENSION[name], (2, 9))
    assert layer.output.shape[1] == layer.x.shape[1] == 1
    check_all(layer)


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_other_padding_is_part_of_the_input(mode: str) -> None:
    layer = layer_of(nn.Conv2d(1, 2, 3, padding=1, padding_mode=mode), (1, 4, 4))
    assert layer.x.shape == (1, 6, 6)
    check_all(layer)


class Functional(nn.Module):
    """Functions in place of modules, one of them in place."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 1, 3, 3))
        self.fc = nn.Linear(4 * 2 * 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.weight, stride=2)
        x = F.max_pool2d(x.relu_(), 2)
        x = x.add_(1).flatten(1)
        return self.fc(F.dropout(x, training=self.training))


def test_functions_are_layers_too() -> None:
    for name in ("conv2d", "max_pool2d", "fc"):
        check_all(layer_of(Functional(), (1, 9, 9), name))


def test_a_linear_layer_after_flatten_sees_maps() -> None:
    layer = layer_of(Functional(), (1, 9, 9), "fc")
    assert layer.x.shape == (4, 2, 2)
    assert layer.weight is not None
    assert layer.weight.shape == (3, 4, 2, 2)
    assert layer.output.shape == (3, 1, 1)
    assert layer_of(nn.Linear(5, 2), (5,)).x.shape == (5, 1, 1)


@each([network for network in CHEAP if network.input_shape[1] <= 32])
def test_layers_of_every_small_network(architecture: Architecture) -> None:
    model = architecture.build_seeded(2).eval()
    traced = trace(model, architecture.input_shape)
    x = torch.randn(1, *architecture.input_shape)
    generator = np.random.default_rng(4)
    shown = [op for op in traced.ops if can_be_shown(op)]
    assert shown
    for op in generator.choice(np.array(shown, object), min(4, len(shown)), replace=False):
        layer = arithmetic_of(model, x, traced, op)
        for _ in range(3):
            channel, row, column = (int(generator.integers(size)) for size in layer.output.shape)
            check(layer, row, column, channel)
    assert not any(module._forward_hooks for module in model.modules())


def test_places_of_padding_and_beyond() -> None:
    pool = layer_of(nn.AvgPool2d(3, 2, 1, ceil_mode=True), (1, 6, 6))
    assert pool.rows[0].tolist() == [PADDING, 0, 1]
    assert pool.rows[-1].tolist() == [5, PADDING, BEYOND]
    assert pool.count(3, 3) == 4  # the one in the corner and three zeros


def test_the_groups_channels_are_the_sources() -> None:
    layer = layer_of(nn.Conv2d(4, 6, 1, groups=2), (4, 2, 2))
    assert [list(layer.sources(channel)) for channel in (0, 2, 3, 5)] == [[0, 1], [0, 1], [2, 3], [2, 3]]
    assert pixel(layer, 3, 1, 1).channels.tolist() == [2, 3]


def test_a_value_that_is_not_finite_stays_outside_of_other_windows() -> None:
    conv = nn.Conv2d(1, 1, 3, padding=1).eval()
    traced = trace(conv, (1, 5, 5))
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, -1, -1] = torch.inf
    layer = arithmetic_of(conv, x, traced, traced.ops[0])
    assert np.isfinite(pixel(layer, 0, 0, 0).result)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.ReLU(), (3,)),
        (nn.Conv3d(1, 1, 1), (1, 2, 2, 2)),
        (nn.Linear(3, 2), (4, 3)),
        (nn.LPPool2d(2, 2), (1, 4, 4)),
    ],
)
def test_other_layers_get_a_sentence(model: nn.Module, shape: tuple[int, ...]) -> None:
    with pytest.raises(CnnvizError, match=r"Cannot show the calculation of .*; choose a convolution"):
        layer_of(model, shape)


def test_several_images_are_refused() -> None:
    traced = trace(nn.Linear(3, 2), (3,))
    with pytest.raises(ValueError, match="2 images"):
        arithmetic_of(nn.Linear(3, 2), torch.zeros(2, 3), traced, traced.ops[0])


Arrays = dict[str, NDArray[np.float32]]


def unpacked(data: bytes) -> tuple[dict[str, Any], Arrays]:
    length = int.from_bytes(data[:4], "little")
    facts = json.loads(data[4 : 4 + length])
    numbers = np.frombuffer(data[4 + length :], "<f4")
    arrays = {}
    for name, place in facts["arrays"].items():
        size = int(np.prod(place["shape"]))
        arrays[name] = numbers[place["start"] :][:size].reshape(place["shape"])
    return facts, arrays


def sent(layer: Arithmetic, channel: int, most_bytes: int = MOST_BYTES) -> tuple[dict[str, Any], Arrays]:
    payload = Payload()
    return unpacked(payload.pack(describe(layer, channel, payload, most_bytes)))


def test_what_is_packed_comes_out_again() -> None:
    payload = Payload()
    payload.add("one", np.arange(6).reshape(2, 3))
    payload.add("two", np.array([0.5]))
    facts, arrays = unpacked(payload.pack({"text": "é"}))
    assert facts["text"] == "é"
    np.testing.assert_array_equal(arrays["one"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(arrays["two"], [0.5])


def test_the_channels_that_add_most_come_first() -> None:
    conv = nn.Conv2d(3, 2, 3)
    with torch.no_grad():
        conv.weight[1] = torch.tensor([0.1, 5.0, 1.0])[:, None, None]
    layer = layer_of(conv, (3, 6, 6))
    facts, arrays = sent(layer, 1)
    assert facts["channels"] == [1, 2, 0]
    np.testing.assert_array_equal(arrays["x"], layer.x[[1, 2, 0]])
    np.testing.assert_array_equal(arrays["weights"][0], conv.weight[1, [1, 2, 0]].detach())
    np.testing.assert_array_equal(arrays["output"], layer.output[1])


def test_channels_of_a_group_have_their_own_weights() -> None:
    conv = nn.Conv2d(4, 4, 1, groups=2)
    facts, arrays = sent(layer_of(conv, (4, 2, 2)), 3)
    assert sorted(facts["channels"]) == [2, 3]
    found = dict(zip(facts["channels"], arrays["weights"][0, :, 0, 0].tolist(), strict=True))
    assert found == dict(zip((2, 3), conv.weight[3].detach().flatten().tolist(), strict=True))


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Conv2d(64, 8, 3, padding=1), (64, 112, 112)),
        (nn.Conv2d(512, 8, 3, padding=1), (512, 28, 28)),
        (nn.Conv2d(3, 4, 7, stride=2, padding=3), (3, 224, 224)),
        (nn.Linear(9216, 512), (9216,)),
        (nn.MaxPool2d(3, 2), (8, 224, 224)),
    ],
)
def test_large_layers_fit_into_a_megabyte(model: nn.Module, shape: tuple[int, ...]) -> None:
    layer = layer_of(model, shape)
    payload = Payload()
    facts = describe(layer, 2, payload)
    if len(facts["channels"]) < facts["sources"]:
        facts["others"] = others(layer, 2, (0, 0), payload, facts["channels"])
    assert len(payload.pack(facts)) < 1_000_000


def test_channels_without_room_are_known_where_a_person_stops() -> None:
    layer = layer_of(nn.Conv2d(40, 2, 3), (40, 9, 9))
    facts, _arrays = sent(layer, 0, most_bytes=5 * 9 * 9 * 4)
    assert 1 <= len(facts["channels"]) < 5
    payload = Payload()
    rest = others(layer, 0, (2, 3), payload, facts["channels"])
    found = pixel(layer, 0, 2, 3)
    here = found.sums[facts["channels"]].sum()
    assert here + rest["sum"] + found.bias == pytest.approx(found.result)
    assert rest["count"] + len(facts["channels"]) == 40
    _, arrays = unpacked(payload.pack(rest))
    np.testing.assert_allclose(arrays["other_sums"], found.sums[rest["channels"]], rtol=1e-6)
    np.testing.assert_array_equal(arrays["other_patches"], found.values[rest["channels"]])
    assert (np.diff(np.abs(arrays["other_sums"])) <= 0).all()


def test_a_small_linear_layer_comes_with_all_its_outputs() -> None:
    facts, arrays = sent(layer_of(nn.Linear(6, 4), (6,)), 1)
    assert facts["outputs"] == [0, 1, 2, 3]
    assert arrays["weights"].shape == (4, 6, 1, 1)
    assert arrays["output"].shape == (4,)


def test_a_large_linear_layer_comes_with_the_chosen_output() -> None:
    facts, arrays = sent(layer_of(nn.Linear(3000, 200), (3000,)), 7)
    assert facts["outputs"] == [7]
    assert arrays["weights"].shape == (1, 3000, 1, 1)
    assert arrays["output"].shape == (200,)

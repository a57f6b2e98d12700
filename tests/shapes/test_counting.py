from __future__ import annotations

import math
import re

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.models import resolve
from cnnviz.shapes.counting import by_kind, depth, largest, macs_formula, parameter_formula, saving, shares
from cnnviz.tracing.trace import Trace, trace
from tests.networks import ALL, each, on_meta


def value_of(formula: str) -> int:
    """Evaluate the left side of ``(5 x 5 x 1 + 1) x 10 = 260``."""
    left = formula.partition(" = ")[0]
    assert re.fullmatch(r"[\dx+() ]+", left)
    inner = re.sub(r"\(([^)]*)\)", lambda match: str(_sum(match[1])), left)
    return _sum(inner)


def _sum(text: str) -> int:
    return sum(math.prod(int(factor) for factor in term.split(" x ")) for term in text.split(" + "))


def test_the_example_of_the_course() -> None:
    conv1 = trace(architectures.get("basic-cnn").build(), (1, 28, 28)).op("conv1")
    assert parameter_formula(conv1) == "(5 x 5 x 1 + 1) x 10 = 260"
    assert macs_formula(conv1) == "5 x 5 x 1 x 10 x 24 x 24 = 144,000"


@each(ALL)
def test_formulas_add_up_to_the_totals(architecture: Architecture) -> None:
    traced = trace(on_meta(architecture), architecture.input_shape)
    params = [parameter_formula(op) for op in traced.ops if op.params]
    macs = [macs_formula(op) for op in traced.ops if op.macs]
    assert sum(value_of(formula) for formula in params if formula) == traced.total_params
    assert sum(value_of(formula) for formula in macs if formula) == traced.macs


@pytest.mark.parametrize(
    ("layer", "shape", "formula"),
    [
        (nn.Conv2d(8, 6, 3, groups=2, bias=False), (8, 9, 9), "3 x 3 x 4 x 6 = 216"),
        (nn.Linear(7, 3, bias=False), (7,), "7 x 3 = 21"),
        (nn.BatchNorm2d(5), (5, 4, 4), "2 x 5 = 10"),
        (nn.MaxPool2d(2), (5, 4, 4), None),
    ],
)
def test_single_layers(layer: nn.Module, shape: tuple[int, ...], formula: str | None) -> None:
    assert parameter_formula(trace(layer, shape).ops[0]) == formula


@pytest.mark.parametrize(
    ("layer", "shape", "params", "macs"),
    [
        (nn.RNN(5, 7, batch_first=True), (11, 5), "1 x 7 x (5 + 7) + 2 x 1 x 1 x 7 = 98", "1 x 7 x (5 + 7) x 11 = 924"),
        (nn.GRU(5, 7, bias=False, batch_first=True), (11, 5), "3 x 7 x (5 + 7) = 252", "3 x 7 x (5 + 7) x 11 = 2,772"),
        (
            nn.LSTM(5, 7, 2, batch_first=True, bidirectional=True),
            (11, 5),
            "2 x 4 x 7 x (5 + 7) + 2 x 4 x 7 x (14 + 7) + 2 x 4 x 4 x 7 = 2,072",
            "2 x 4 x 7 x (5 + 7) x 11 + 2 x 4 x 7 x (14 + 7) x 11 = 20,328",
        ),
        (
            nn.LSTM(5, 7, proj_size=3, batch_first=True),
            (11, 5),
            "4 x 7 x (5 + 3) + 7 x 3 + 2 x 1 x 4 x 7 = 301",
            "4 x 7 x (5 + 3) x 11 + 7 x 3 x 11 = 2,695",
        ),
        (nn.LSTMCell(5, 7), (5,), "4 x 7 x (5 + 7) + 2 x 1 x 4 x 7 = 392", "4 x 7 x (5 + 7) x 1 = 336"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)  # fmt: skip
def test_recurrent_layers(layer: nn.Module, shape: tuple[int, ...], params: str, macs: str) -> None:
    op = trace(layer, shape).ops[0]
    assert parameter_formula(op) == params
    assert macs_formula(op) == macs
    assert value_of(params) == sum(p.numel() for p in layer.parameters())
    assert value_of(macs) == op.macs


def test_recurrent_layers_count_as_pytorch_counts_them() -> None:
    layer = nn.LSTM(5, 7, 2, bidirectional=True, batch_first=True).to("meta")
    with FlopCounterMode(display=False) as counter:
        layer(torch.empty(1, 11, 5, device="meta"))
    assert trace(layer, (11, 5)).macs * 2 == counter.get_total_flops()


def traced(name: str) -> Trace:
    model, shape = resolve(name, {})
    assert shape is not None
    return trace(model, shape)


@each(ALL)
def test_shares_and_kinds_add_up_to_the_totals(architecture: Architecture) -> None:
    found = trace(on_meta(architecture), architecture.input_shape)
    for most in (1000, 20, 1):
        parts = shares(found, most)
        assert sum(share.total("params") for share in parts) == found.total_params
        assert sum(share.total("macs") for share in parts) == found.macs
    counts = by_kind(found).values()
    assert sum(count for count, _params, _macs in counts) == len(found.ops)
    assert sum(macs for _count, _params, macs in counts) == found.macs


def test_each_layer_by_itself_where_they_are_few() -> None:
    parts = shares(traced("alexnet"), 20)
    assert [share.path for share in parts] == [
        "conv1",
        "conv2",
        "conv3",
        "conv4",
        "conv5",
        "fc1",
        "fc2",
        "fc3",
    ]
    assert max(parts, key=lambda share: share.total("params")).params == {"linear": 26_218_496}


def test_many_layers_are_summed_by_container() -> None:
    parts = shares(traced("torchvision:resnet152"), 20)
    assert [share.path for share in parts] == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"]
    assert set(parts[2].params) == {"convolution", "normalisation"}


def test_what_is_not_the_largest_is_summed() -> None:
    parts = shares(traced("alexnet"), 20)
    kept, rest = largest(parts, "params", 2)
    assert [share.path for share in kept] == ["fc1", "fc2"]
    assert rest == 46_764_746 - 26_218_496 - 16_781_312
    assert largest(parts, "params", 100)[1] == 0


def test_parameters_that_a_function_is_given_are_of_its_kind() -> None:
    found = traced("torchvision:swin_t")
    unfolded = {share.path: share.params for share in shares(found, 1000)}
    assert unfolded["features.1.0.attn.qkv.weight"] == {"linear": 3 * 96 * 96}
    assert unfolded["features.1.0.attn.relative_position_bias_table"] == {"merge": 169 * 3}
    blocks = shares(found, 20)
    assert len(blocks) <= 20
    assert not any("other" in share.params for share in blocks)
    assert sum(share.total("params") for share in blocks) == found.total_params
    assert by_kind(found)["linear"][1] == sum(share.params.get("linear", 0) for share in blocks)


def test_parameters_that_no_layer_uses_have_a_share() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = nn.Linear(4, 2)
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.used(x)
            return y

    assert [(share.path, share.total("params")) for share in shares(trace(Unused(), (4,)), 20)] == [
        ("used", 10),
        ("scale", 3),
    ]


@pytest.mark.parametrize(
    ("key", "options", "weighted", "total"),
    [
        ("googlenet", {}, 22, 27),  # Szegedy et al. 2015, section 5
        ("googlenet", {"auxiliary": True}, 22, 27),
        ("alexnet", {}, 8, 11),
        ("vgg16", {}, 16, 21),
        ("vgg11", {"depth": 19}, 19, 24),
        ("resnet18", {}, 18, 20),
        ("resnet18", {"depth": 34}, 34, 36),
        ("lenet5", {}, 5, 7),
        ("mlp", {}, 3, 3),
    ],
)
def test_layers_are_counted_as_the_papers_do(
    key: str, options: dict[str, object], weighted: int, total: int
) -> None:
    architecture = architectures.get(key)
    found = depth(trace(on_meta(architecture, **options), architecture.input_shape))
    assert (found.weighted, found.total) == (weighted, total)


def test_of_two_branches_the_one_with_more_weighted_layers_counts() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
            self.pool = nn.MaxPool2d(3, stride=1, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.b(self.a(x)), self.pool(self.pool(self.pool(x)))], dim=1)

    found = depth(trace(Branches(), (1, 4, 4)))
    assert (found.weighted, found.pooling) == (2, 0)


@pytest.mark.parametrize(("name", "weighted"), [("vit_b_16", 50), ("swin_t", 53), ("resnet50", 50)])
def test_the_projections_of_attention_are_layers(name: str, weighted: int) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(name)
    assert depth(trace(model, (3, 224, 224))).weighted == weighted


def test_products_of_two_tensors_are_no_layers() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.matmul(x, self.fc(x).transpose(1, 2))

    assert depth(trace(Attends(), (3, 4))).weighted == 1


CHANNELS = st.integers(1, 40)


def test_what_a_reduction_saves_in_the_example_of_the_course() -> None:
    found = saving(192, (28, 28), 5, 32, 16)
    assert found.direct.macs == 120_422_400
    assert (found.reduce.macs, found.after.macs) == (2_408_448, 10_035_200)
    assert found.macs == 12_443_648
    assert found.ratio == pytest.approx(9.677, abs=1e-3)
    assert macs_formula(found.direct) == "5 x 5 x 192 x 32 x 28 x 28 = 120,422,400"
    assert parameter_formula(found.reduce) == "(1 x 1 x 192 + 1) x 16 = 3,088"


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch warns once, of even kernels
@settings(max_examples=30)
@given(CHANNELS, st.integers(1, 9), st.integers(1, 5), CHANNELS, CHANNELS)
def test_counts_are_those_of_the_real_layers(
    channels: int, size: int, kernel: int, maps: int, reduced: int
) -> None:
    found = saving(channels, (size, size + 1), kernel, maps, reduced)
    direct = nn.Conv2d(channels, maps, kernel, padding="same", device="meta")
    detour = nn.Sequential(
        nn.Conv2d(channels, reduced, 1, device="meta"),
        nn.Conv2d(reduced, maps, kernel, padding="same", device="meta"),
    )
    shape = (channels, size, size + 1)
    traced = trace(direct, shape)
    assert (found.direct.macs, found.direct.params) == (traced.macs, traced.total_params)
    traced = trace(detour, shape)
    assert (found.macs, found.params) == (traced.macs, traced.total_params)


@given(CHANNELS, st.integers(1, 5), CHANNELS)
def test_from_break_even_on_nothing_is_saved(channels: int, kernel: int, maps: int) -> None:
    least = saving(channels, (3, 3), kernel, maps, 1).break_even
    assert saving(channels, (3, 3), kernel, maps, least).ratio <= 1
    if least > 1:
        assert saving(channels, (3, 3), kernel, maps, least - 1).ratio > 1

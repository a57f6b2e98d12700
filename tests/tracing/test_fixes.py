"""Fixes: what is offered first, and that pressing the button again and again makes a network whole."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import UsageError
from cnnviz.models import traced
from cnnviz.operations.op import Fix
from cnnviz.tracing.edits import editable, edited
from cnnviz.tracing.trace import trace
from tests.networks import CHEAP, each, on_meta


def first_fix(model: nn.Module, shape: tuple[int, ...]) -> Fix | None:
    failure = trace(model, shape).failure
    assert failure is not None
    return failure.fix


def presses(model: nn.Module, shape: tuple[int, ...], edits: dict[str, object]) -> int:
    """How often the button has to be pressed until the network is whole."""
    count = 0
    done = trace(edited(model, edits), shape)
    while done.failure is not None:
        fix = done.failure.fix
        assert fix is not None, f"{edits}: {done.failure.message}"
        assert edits.get(fix.path) != fix.value
        edits = {**edits, fix.path: fix.value}
        done = trace(edited(model, edits), shape)
        count += 1
        assert count < 60
    return count


@pytest.mark.slow
@each(CHEAP)
def test_any_change_can_be_mended_by_the_button_alone(architecture: Architecture) -> None:
    model = on_meta(architecture)
    pressed = []
    for layer, arguments in editable(model).items():
        for argument, value in (("out_channels", 5), ("kernel_size", 4), ("stride", 2), ("out_features", 3)):
            if argument in arguments:
                try:
                    edited(model, {f"{layer}.{argument}": value})
                except UsageError:
                    continue
                pressed.append(presses(model, architecture.input_shape, {f"{layer}.{argument}": value}))
    assert any(pressed)


@each(CHEAP)
@pytest.mark.parametrize("change", ["channels", "size"])
def test_another_input_can_be_mended_by_the_button_alone(architecture: Architecture, change: str) -> None:
    channels, size, _width = architecture.input_shape
    shape = (channels + 2, size, size) if change == "channels" else (channels, size // 2, size // 2)
    presses(on_meta(architecture), shape, {})


@pytest.mark.parametrize(
    ("name", "edit", "path", "value"),
    [
        ("inception-mini", ("incep1.branch5x5_2.kernel_size", 3), "incep1.branch5x5_2.padding", 1),
        ("inception-mini", ("incep1.branch5x5_2.stride", 2), "incep1.branch5x5_2.stride", 1),
        ("inception-mini", ("incep1.branch5x5_2.out_channels", 30), "conv2.in_channels", 94),
        ("resnet-mini", ("rblock1.conv1.kernel_size", 5), "rblock1.conv1.padding", 2),
        ("resnet-mini", ("rblock1.conv2.out_channels", 20), "rblock1.conv2.out_channels", 16),
        ("resnet-mini", ("conv1.out_channels", 20), "rblock1.conv1.in_channels", 20),
        ("residual-identity", ("conv1.out_channels", 32), "bn1.num_features", 32),
        ("residual-projection", ("shortcut.stride", 1), "shortcut.stride", 2),
        ("residual-projection", ("shortcut.out_channels", 100), "shortcut.out_channels", 128),
        ("basic-cnn", ("conv2.kernel_size", 20), "conv2.kernel_size", 12),
        ("basic-cnn", ("pooling.padding", 2), "pooling.padding", 1),
        ("googlenet", ("inception3b.branch1x1.kernel_size", 3), "inception3b.branch1x1.padding", 1),
    ],
)
def test_the_most_natural_fix_comes_first(
    name: str, edit: tuple[str, object], path: str, value: object
) -> None:
    failure = traced(name, dict([edit])).failure
    assert failure is not None
    assert failure.fix is not None
    assert (failure.fix.path, failure.fix.value) == (path, value)


def test_pooling_a_single_value_is_no_fix() -> None:
    model = nn.Sequential(nn.MaxPool2d(2), nn.MaxPool2d(2), nn.MaxPool2d(2))
    failure = trace(model, (1, 4, 4)).failure
    assert failure is not None
    assert failure.name == "2"
    assert "kernel_size=1" not in failure.message
    assert failure.fix is None or failure.fix.path != "2.kernel_size"


class Added(nn.Module):
    """A branch of convolution and normalisation beside an identity."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, out_channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.conv(x))


def test_a_fix_may_need_the_one_that_is_offered_after_it() -> None:
    fix = first_fix(Added(6), (8, 5, 5))
    assert fix is not None
    assert (fix.path, fix.value) == ("conv.out_channels", 8)
    assert presses(Added(6), (8, 5, 5), {}) == 2


def test_channels_that_the_groups_do_not_divide_get_fewer_groups_first() -> None:
    model = nn.Sequential(nn.Conv2d(16, 16, 3, groups=16))
    fix = first_fix(model, (20, 9, 9))
    assert fix is not None
    assert (fix.path, fix.value) == ("0.groups", 4)
    assert presses(model, (20, 9, 9), {}) == 2


@pytest.mark.parametrize(
    ("layer", "path", "value"),
    [
        (nn.GroupNorm(4, 6 * 2), "0.num_channels", 8),
        (nn.GroupNorm(3, 12), "0.num_groups", 2),
        (nn.LayerNorm([12, 5, 5]), "0.normalized_shape", [8, 5, 5]),
        (nn.InstanceNorm2d(12, affine=True), "0.num_features", 8),
        (nn.PReLU(12), "0.num_parameters", 8),
        (nn.MaxPool2d(7), "0.kernel_size", 5),
        (nn.MaxPool2d((2, 7)), "0.kernel_size", [2, 5]),
        (nn.AvgPool2d(3, padding=2), "0.padding", 1),
        (nn.ConvTranspose2d(12, 3, 2), "0.in_channels", 8),
    ],
)
def test_single_layers(layer: nn.Module, path: str, value: object) -> None:
    fix = first_fix(nn.Sequential(layer, nn.ReLU()), (8, 5, 5))
    assert fix is not None
    assert (fix.path, fix.value) == (path, value)


class Functional(nn.Module):
    """Nothing here is a layer that could be edited."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 9)


class InAList(nn.Module):
    """A layer that PyTorch does not know of."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(7, 3)]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[0](x)  # type: ignore[no-any-return]


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.cat([self.fc(x), x, x], dim=1))


@pytest.mark.parametrize(("model", "shape"), [(Functional(), (1, 5, 5)), (InAList(), (5,)), (Twice(), (4,))])
def test_no_fix_is_offered_that_would_not_help(model: nn.Module, shape: tuple[int, ...]) -> None:
    assert first_fix(model, shape) is None


def test_the_message_says_what_to_do_with_a_fix_and_without_one() -> None:
    failure = traced("resnet-mini", {"rblock1.conv1.padding": 0}).failure
    assert failure is not None
    assert failure.message.endswith("Fix: change rblock1.conv1 to Conv2d(16, 16, kernel_size=3, padding=1).")
    plain = trace(Functional(), (1, 5, 5)).failure
    assert plain is not None
    assert plain.message.endswith("Use a smaller kernel, more padding, or a larger input.")


def test_a_fix_is_found_at_once_however_large_the_numbers_in_a_link_are() -> None:
    edits = {"rblock1.conv1.kernel_size": 10_000_001, "rblock1.conv1.padding": 5_000_001}
    started = time.perf_counter()
    traced = trace(edited(on_meta(architectures.get("resnet-mini")), edits), (1, 28, 28))
    assert traced.failure is not None
    assert time.perf_counter() - started < 10

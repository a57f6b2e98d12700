from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnviz import architectures
from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.tracing.edits import ImpossibleLayerError, edited
from cnnviz.tracing.trace import trace


def test_a_changed_kernel_changes_what_follows() -> None:
    model = architectures.get("basic-cnn").build()
    changed = trace(edited(model, {"conv1.kernel_size": [7, 7], "fc.in_features": 180}), (1, 28, 28))
    assert changed.op("conv1").output_shape == (10, 22, 22)
    assert changed.op("conv1").params == (7 * 7 * 1 + 1) * 10
    assert changed.failure is None
    assert trace(model, (1, 28, 28)).op("conv1").output_shape == (10, 24, 24)  # the original is as it was


def test_a_shared_layer_is_changed_wherever_it_stands() -> None:
    pool = nn.MaxPool2d(2, 2)
    model = nn.Sequential(pool, nn.Sequential(pool))
    changed = trace(edited(model, {"0.stride": 1}), (1, 8, 8))
    assert [op.output_shape for op in changed.ops] == [(1, 7, 7), (1, 6, 6)]


def test_values_survive_in_the_original() -> None:
    model = architectures.get("basic-cnn").build()
    before = model.fc.weight.clone()
    edited(model, {"fc.in_features": 5})
    assert torch.equal(model.fc.weight, before)


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("fcc.in_features", 5, "Unknown layer 'fcc'; did you mean 'fc'"),
        ("fc.in_feature", 5, "Unknown argument of Linear 'in_feature'"),
        ("growth", 5, "Unknown layer 'growth'"),
    ],
)
def test_unknown_paths(path: str, value: object, match: str) -> None:
    with pytest.raises(UnknownKeyError, match=match):
        edited(architectures.get("basic-cnn").build(), {path: value})


@pytest.mark.parametrize(
    ("path", "value"), [("conv2.groups", 3), ("fc.in_features", "many"), ("fc.in_features", -1)]
)
def test_impossible_values(path: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"cannot have {path.partition('.')[2]} = {value}"):
        edited(architectures.get("basic-cnn").build(), {path: value})


def test_edits_of_one_layer_are_made_together_whatever_their_order() -> None:
    model = nn.Sequential(nn.Conv2d(8, 8, 3, groups=4), nn.ReLU())
    changed = edited(model, {"0.in_channels": 6, "0.groups": 2})  # 6 channels alone would not fit 4 groups
    assert trace(changed, (6, 9, 9)).ops[0].output_shape == (8, 7, 7)


@pytest.mark.parametrize(
    ("layer", "edits", "path", "value"),
    [
        (nn.Conv2d(8, 8, 3), {"0.groups": 3}, "0.groups", 2),
        (nn.Conv2d(8, 8, 3, groups=4), {"0.out_channels": 6}, "0.groups", 2),
        (nn.Conv2d(16, 16, 3, groups=16), {"0.in_channels": 20}, "0.groups", 4),
        (nn.GroupNorm(4, 8), {"0.num_groups": 7}, "0.num_groups", 8),
    ],
)
def test_groups_that_do_not_divide_get_the_nearest_that_do(
    layer: nn.Module, edits: dict[str, object], path: str, value: int
) -> None:
    model = nn.Sequential(layer, nn.ReLU())
    with pytest.raises(ImpossibleLayerError, match="cannot be divided into") as raised:
        edited(model, edits)
    fix = raised.value.fix
    assert fix is not None
    assert (fix.path, fix.value) == (path, value)
    edited(model, {**edits, fix.path: fix.value})


def test_no_fix_where_something_else_is_impossible() -> None:
    with pytest.raises(ImpossibleLayerError, match="groups = 3, padding_mode = odd") as raised:
        edited(nn.Sequential(nn.Conv2d(8, 8, 3)), {"0.groups": 3, "0.padding_mode": "odd"})
    assert raised.value.fix is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("0.kernel_size", []),
        ("0.kernel_size", [3, 3, 3]),
        ("0.kernel_size", 2.5),
        ("0.kernel_size", True),
        ("0.padding", "around"),
        ("0.stride", 0),
        ("0.out_channels", 10**12),
        ("1.stride", [2, 2, 2]),
    ],
)
def test_sizes_that_no_layer_takes(path: str, value: object) -> None:
    with pytest.raises(ImpossibleLayerError, match="it must be an integer from"):
        edited(nn.Sequential(nn.Conv2d(8, 8, 3), nn.MaxPool2d(2)), {path: value})


@pytest.mark.parametrize(("path", "value"), [("0.padding", "same"), ("1.stride", None)])
def test_words_that_stand_for_a_size(path: str, value: object) -> None:
    model = nn.Sequential(nn.Conv2d(8, 8, 3), nn.MaxPool2d(2))
    assert trace(edited(model, {path: value}), (8, 9, 9)).failure is None


def test_a_changed_layer_keeps_its_precision() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3)).half()
    assert trace(edited(model, {"0.kernel_size": 5}), (1, 9, 9)).failure is None


def test_a_layer_that_computes_its_weights_is_left_alone() -> None:
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 3)))
    with pytest.raises(ImpossibleLayerError, match="cannot be rebuilt"):
        edited(model, {"0.kernel_size": 5})

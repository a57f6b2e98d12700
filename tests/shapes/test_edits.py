from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnviz import architectures
from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.shapes.edits import edited
from cnnviz.shapes.trace import trace


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
        ("fcc.in_features", 5, "layer 'fcc' is unknown; did you mean 'fc'"),
        ("fc.in_feature", 5, "argument of Linear 'in_feature' is unknown"),
        ("growth", 5, "layer 'growth' is unknown"),
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

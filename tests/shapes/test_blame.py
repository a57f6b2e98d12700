"""Which choice a failure goes back to."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from torch import nn

from cnnviz import architectures
from cnnviz.models import traced
from cnnviz.shapes.blame import compare, with_blame
from cnnviz.tracing.edits import edited
from cnnviz.tracing.trace import trace


def message(name: str, edits: dict[str, object], shape: tuple[int, ...] | None = None) -> str:
    failure = traced(name, edits, shape).failure
    assert failure is not None
    return failure.message


def test_another_input_is_named_with_what_it_makes_of_the_sizes() -> None:
    told = message("inception-mini", {}, (1, 32, 32))
    assert "Cause: input 1 x 32 x 32 instead of 1 x 28 x 28" in told
    assert "conv1 outputs 10 x 28 x 28 instead of 10 x 24 x 24" in told
    assert "incep2.cat outputs 88 x 5 x 5 instead of 88 x 4 x 4" in told


@pytest.mark.parametrize(
    ("name", "edits", "shape", "named", "not_named"),
    [
        ("basic-cnn", {"conv1.kernel_size": 7}, None, "conv1.kernel_size = 7 instead of 5", "input "),
        ("basic-cnn", {"fc.in_features": 300}, None, "fc.in_features = 300 instead of 320", "outputs"),
        ("basic-cnn", {"conv2.kernel_size": 30}, None, "conv2.kernel_size = 30 instead of 5", "outputs"),
        ("basic-cnn", {"pooling.kernel_size": [3, 2]}, None, "pooling.kernel_size = 3 x 2 instead of 2", "input "),
        # The first two belong together and change no size: it is the third that does.
        (
            "basic-cnn",
            {"conv1.out_channels": 20, "conv2.in_channels": 20, "conv2.kernel_size": 7},
            None,
            "Cause: conv2.kernel_size = 7 instead of 5:",
            "out_channels",
        ),
        # A larger input that a larger kernel makes up for.
        (
            "inception-mini",
            {"conv1.kernel_size": 7, "conv2.kernel_size": 3},
            (1, 30, 30),
            "Cause: conv2.kernel_size = 3 instead of 5:",
            "conv1.kernel_size",
        ),
        (
            "inception-mini",
            {"conv1.kernel_size": 7},
            (1, 40, 40),
            "input 1 x 40 x 40 instead of 1 x 28 x 28, conv1.kernel_size = 7 instead of 5",
            "conv2.",
        ),
        (
            "densenet",
            {"growth": 16, "fc.in_features": 8},
            None,
            "fc.in_features = 8 instead of 248, growth = 16",
            "input ",
        ),
        ("densenet", {"growth": 16, "conv.out_channels": 8}, None, "conv.out_channels = 8 instead of 64:", "growth"),
        ("resnet-mini", {"conv1.out_channels": 20}, None, "conv1 outputs 20 x 24 x 24 instead of 16", "input "),
        ("torchvision:alexnet", {}, (3, 32, 32), "input 3 x 32 x 32 instead of 3 x 224 x 224", "kernel_size ="),
    ],
)  # fmt: skip
def test_edits_that_make_the_difference_are_named_and_no_others(
    name: str, edits: dict[str, object], shape: tuple[int, ...] | None, named: str, not_named: str
) -> None:
    told = message(name, edits, shape)
    assert named in told
    cause = told.partition("Cause: ")[2].partition(" Fix:")[0]
    assert not_named not in cause


def test_without_a_comparison_the_op_that_chose_the_size_is_named() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(5, 2))
    failure = trace(model, (1, 10, 10)).failure
    assert failure is not None
    assert "The 8 channels come from Conv2d 0 (Conv2d(1, 8, kernel_size=3))" in failure.message
    assert "the size 4 x 4 from MaxPool2d 2 (MaxPool2d(2))" in failure.message


def test_what_works_and_what_never_worked_is_left_as_it_is() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(5, 2))
    broken, whole = trace(model, (4,)), trace(edited(model, {"1.in_features": 3}), (4,))
    assert with_blame(whole, broken, {}) is whole
    assert with_blame(broken, broken, {}) is broken
    assert with_blame(broken, whole, {}) is broken  # nothing was changed that could be named


def test_only_what_an_edit_touches_is_changed() -> None:
    model = architectures.get("basic-cnn").build()
    pairings = compare(
        trace(model, (1, 28, 28)), trace(edited(model, {"conv2.out_channels": 30}), (1, 28, 28))
    )
    assert [pairing.name for pairing in pairings if pairing.changed] == [
        "conv2",
        "pooling_2",
        "relu_2",
        "flatten",
        "fc",
    ]
    fc = pairings[-1]
    assert fc.before is not None
    assert fc.after is None  # 480 values arrive where 320 are expected


def test_nothing_changes_without_an_edit() -> None:
    model = architectures.get("resnet-mini").build()
    traced = trace(model, (1, 28, 28))
    pairings = compare(traced, trace(edited(model, {}), (1, 28, 28)))
    assert len(pairings) == len(traced.ops)
    assert not any(pairing.changed for pairing in pairings)


def test_what_only_one_of_them_runs_stands_in_its_place() -> None:
    with_norm = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), norm=nn.BatchNorm2d(2), act=nn.ReLU()))
    without = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), act=nn.ReLU(), pool=nn.MaxPool2d(2)))
    pairings = compare(trace(without, (1, 9, 9)), trace(with_norm, (1, 9, 9)))
    assert [pairing.name for pairing in pairings] == ["conv", "norm", "act", "pool"]
    assert [pairing.changed for pairing in pairings] == [False, True, False, True]

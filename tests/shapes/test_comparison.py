from __future__ import annotations

from collections import OrderedDict

from torch import nn

from cnnviz import architectures
from cnnviz.shapes.blame import compare
from cnnviz.tracing.edits import edited
from cnnviz.tracing.trace import trace


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

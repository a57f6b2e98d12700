from __future__ import annotations

from cnnviz import architectures
from cnnviz.shapes.comparison import compare
from cnnviz.shapes.edits import edited
from cnnviz.shapes.trace import trace


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
    assert not any(pairing.changed for pairing in compare(traced, trace(edited(model, {}), (1, 28, 28))))

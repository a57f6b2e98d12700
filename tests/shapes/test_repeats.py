from __future__ import annotations

import torch
import torchvision
from torch import nn

from cnnviz import trace
from cnnviz.shapes.repeats import folded
from cnnviz.shapes.table import rows


def block(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 4))


def test_of_alike_blocks_the_first_is_shown_and_a_row_stands_for_the_others() -> None:
    traced = trace(nn.Sequential(*(block(8) for _ in range(5))), (4,))
    whole = rows(traced)
    short = folded(whole)
    others = [row for row in short if "more like it" in row.label]
    assert [(row.label, row.name, row.params) for row in others] == [("x 5: 4 more like it", "1 … 4", 4 * 76)]
    assert [row.name for row in short][:4] == ["0.0", "0.1", "0.2", "1 … 4"]
    assert sum(row.params for row in short) == sum(row.params for row in whole)
    assert sum(row.macs for row in short) == sum(row.macs for row in whole)


def test_two_alike_blocks_and_blocks_that_differ_stay() -> None:
    for widths in ((8, 8), (8, 9, 8, 9), (8, 9, 10)):
        whole = rows(trace(nn.Sequential(*map(block, widths)), (4,)))
        assert folded(whole) == whole


def test_the_table_of_a_vision_transformer_is_short() -> None:
    with torch.device("meta"):
        model = torchvision.models.vit_b_16()
    traced = trace(model, (3, 224, 224))
    for functions in (False, True):
        whole = rows(traced, functions)
        short = folded(whole)
        assert len(short) < len(whole) / 5
        (others,) = [row for row in short if "more like it" in row.label]
        assert others.label == "x 12: 11 more like it"
        assert others.name == "encoder.layers.encoder_layer_1 … encoder_layer_11"
        assert sum(row.params for row in short) == sum(row.params for row in whole)

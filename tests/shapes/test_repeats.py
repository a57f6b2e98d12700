from __future__ import annotations

import torch
import torchvision
from torch import nn

from cnnviz import trace
from cnnviz.shapes.graph import Folding, graph, readable_depth
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


def test_the_graph_of_a_vision_transformer_has_one_node_for_eleven_blocks() -> None:
    with torch.device("meta"):
        model = torchvision.models.vit_b_16()
    traced = trace(model, (3, 224, 224))
    drawn = graph(traced, Folding(repeats=True))
    paths = [node.path for node in drawn.nodes]
    (number,) = [number for number, node in enumerate(drawn.nodes) if "more like it" in node.type]
    others = drawn.nodes[number]
    assert (others.path, others.type) == (
        "encoder.layers.encoder_layer_1 … encoder_layer_11",
        "x 12: 11 more like it",
    )
    assert others.inside == ("encoder", "encoder.layers")
    last = paths.index("encoder.layers.encoder_layer_0.add_2")
    assert {(a, b) for a, b in drawn.edges if number in (a, b)} == {
        (last, number),
        (number, paths.index("encoder.ln")),
    }
    assert len(paths) < 50
    assert readable_depth(traced, 50) is None

    opened = Folding(repeats=True, unfolded=frozenset({"encoder.layers.encoder_layer_3"}))
    assert graph(traced, opened) == graph(traced)
    folded_blocks = graph(traced, Folding(3, repeats=True))
    assert [node.path for node in folded_blocks.nodes if node.inside == ("encoder", "encoder.layers")] == [
        "encoder.layers.encoder_layer_0",
        others.path,
    ]

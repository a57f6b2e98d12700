from __future__ import annotations

from collections import defaultdict

import pytest

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.plots import palette
from cnnviz.shapes.graph import depths, dot, graph
from cnnviz.shapes.trace import trace
from tests.networks import ALL, each, on_meta

COLOURS = {kind: (style.light, "#000000") for kind, style in palette.KINDS.items()}


@each(ALL)
@pytest.mark.parametrize("depth", [None, 1])
def test_every_op_is_in_one_node_and_reached_from_the_input(
    architecture: Architecture, depth: int | None
) -> None:
    traced = trace(on_meta(architecture), architecture.input_shape)
    drawn = graph(traced, depth)
    assert sorted(index for node in drawn.nodes for index in node.ops) == list(range(len(traced.ops)))
    followers = defaultdict(set)
    for a, b in drawn.edges:
        followers[a].add(b)
    reached, waiting = set(), [-1]
    while waiting:
        for node in followers[waiting.pop()] - reached:
            reached.add(node)
            waiting.append(node)
    assert reached == set(range(len(drawn.nodes)))


def test_branches_and_shortcuts_are_edges() -> None:
    traced = trace(architectures.get("inception-mini").build(), (1, 28, 28))
    drawn = graph(traced)
    names = [node.path for node in drawn.nodes]
    into_cat = [names[a] for a, b in drawn.edges if names[b] == "incep1.cat"]
    assert into_cat == ["incep1.branch1x1", "incep1.branch5x5_2", "incep1.branch3x3_3", "incep1.branch_pool"]


def test_containers_can_be_folded() -> None:
    traced = trace(architectures.get("resnet-mini").build(), (1, 28, 28))
    assert depths(traced) == 1
    folded = graph(traced, 1)
    block = next(node for node in folded.nodes if node.path == "rblock1")
    assert len(block.ops) == 5
    assert "conv1" in [node.path for node in folded.nodes]
    assert depths(trace(architectures.get("basic-cnn").build(), (1, 28, 28))) == 0


def test_dot_has_a_line_for_each_node_and_edge() -> None:
    traced = trace(architectures.get("resnet-mini").build(), (1, 28, 28))
    source = dot(traced, COLOURS, "#333333")
    assert source.count(" -> ") == len(graph(traced).edges)
    assert 'label="rblock1.add\\n16 x 12 x 12"' in source
    assert COLOURS["convolution"][0] in source

from __future__ import annotations

import re
import traceback
import warnings
from collections import defaultdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.models import resolve
from cnnviz.plots import palette
from cnnviz.shapes.graph import PARTS, Folding, Graph, autograd_dot, containers, dot, graph, readable_depth
from cnnviz.tracing.trace import Trace, trace
from tests.networks import ALL, each, on_meta
from tests.shapes.networks import Bare, Calls, NeedsData

COLOURS = {kind: (style.light, "#000000") for kind, style in palette.KINDS.items()}


def traced(name: str) -> Trace:
    model, shape = resolve(name, {})
    assert shape is not None
    return trace(model, shape)


def paths(drawn: Graph) -> list[str]:
    return [node.path for node in drawn.nodes]


@each(ALL)
@pytest.mark.parametrize("depth", [None, 1, 2])
def test_every_op_is_in_one_node_and_reached_from_the_input(
    architecture: Architecture, depth: int | None
) -> None:
    traced = trace(on_meta(architecture), architecture.input_shape)
    drawn = graph(traced, Folding(depth))
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


def test_branches_are_edges() -> None:
    drawn = graph(trace(architectures.get("inception-mini").build(), (1, 28, 28)))
    names = paths(drawn)
    into_cat = [names[a] for a, b in drawn.edges if names[b] == "incep1.cat"]
    assert into_cat == ["incep1.branch1x1", "incep1.branch5x5_2", "incep1.branch3x3_3", "incep1.branch_pool"]
    assert not drawn.shortcuts


def test_shortcuts_are_told_from_other_edges() -> None:
    drawn = graph(trace(architectures.get("resnet-mini").build(), (1, 28, 28)))
    names = paths(drawn)
    assert {(names[a], names[b]) for a, b in drawn.shortcuts} == {
        ("mp", "rblock1.add"),
        ("mp_2", "rblock2.add"),
    }


def test_containers_are_folded_by_level_and_one_by_one() -> None:
    found = trace(architectures.get("resnet-mini").build(), (1, 28, 28))
    assert containers(found) == {"rblock1": 1, "rblock2": 1}
    folded = graph(found, Folding(1))
    block = next(node for node in folded.nodes if node.path == "rblock1")
    assert len(block.ops) == 5
    assert "conv1" in paths(folded)
    one_open = paths(graph(found, Folding(1, unfolded=frozenset({"rblock2"}))))
    assert "rblock1" in one_open
    assert "rblock2.add" in one_open
    one_closed = paths(graph(found, Folding(folded=frozenset({"rblock2"}))))
    assert "rblock1.add" in one_closed
    assert "rblock2" in one_closed


def test_nested_containers_fold_to_any_depth() -> None:
    found = traced("torchvision:densenet121")
    assert max(containers(found).values()) == 3
    counts = [len(graph(found, Folding(depth)).nodes) for depth in (1, 2, 3)]
    assert counts == sorted(counts)
    assert counts[-1] < len(graph(found).nodes)
    opened = graph(found, Folding(1, unfolded=frozenset({"features", "features.denseblock1"})))
    assert "features.denseblock1.denselayer1" in paths(opened)
    assert "features.denseblock2" in paths(opened)


def test_a_large_graph_begins_at_the_deepest_level_that_can_be_read() -> None:
    assert readable_depth(traced("resnet-mini"), 100) is None
    found = traced("torchvision:densenet121")
    depth = readable_depth(found, 100)
    assert depth is not None
    assert len(graph(found, Folding(depth)).nodes) <= 100 < len(graph(found, Folding(depth + 1)).nodes)


def test_a_network_without_blocks_is_shown_whole() -> None:
    found = traced("basic-cnn")
    assert containers(found) == {}
    assert len(graph(found, Folding(1)).nodes) == len(found.ops)
    assert readable_depth(found, 3) is None


def test_a_block_that_is_called_twice_is_one_node_when_folded() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.block(self.block(x))
            return y

    drawn = graph(trace(Twice(), (3, 8, 8)), Folding(1))
    assert paths(drawn) == ["block"]
    assert drawn.edges == ((-1, 0),)


def test_dot_has_a_line_for_each_node_and_edge_and_a_box_for_each_open_container() -> None:
    found = trace(architectures.get("resnet-mini").build(), (1, 28, 28))
    drawn = graph(found)
    source = dot(found, drawn, COLOURS, "#333333")
    assert source.count(" -> ") == len(drawn.edges)
    assert source.count('style="dashed"') == len(drawn.shortcuts) == 2
    assert source.count("subgraph") == 2
    assert source.count("{") == source.count("}")
    assert 'label="add\\n16 x 12 x 12", tooltip="rblock1.add"' in source
    assert COLOURS["convolution"][0] in source
    assert "subgraph" not in dot(found, graph(found, Folding(1)), COLOURS, "#333333")


INK = "#000000"
AUTOGRAD_COLOURS = {part: (f"#00000{number}", f"#ffffff{number}"[:7]) for number, part in enumerate(PARTS)}


def drawn(model: nn.Module, shape: tuple[int, ...]) -> str:
    return autograd_dot(model, shape, AUTOGRAD_COLOURS, INK)


def labels(dot: str, part: str | None = None) -> list[str]:
    """The labels of all nodes, or of those with the colour of ``part``."""
    nodes = [line for line in dot.splitlines() if re.match(r"n\d+ \[", line)]
    wanted = [line for line in nodes if part is None or f'fillcolor="{AUTOGRAD_COLOURS[part][0]}"' in line]
    return [re.sub(r'.*label="?([^"\]]*).*', r"\1", line) for line in wanted]


def test_every_parameter_gathers_a_gradient() -> None:
    model = architectures.get("basic-cnn").build()
    dot = drawn(model, (1, 28, 28))
    expected = [f"{name}\\n{' x '.join(map(str, p.shape))}" for name, p in model.named_parameters()]
    assert sorted(labels(dot, "parameter")) == sorted(expected)
    assert labels(dot, "output") == ["2 x 10"]
    functions = " ".join(labels(dot))
    assert functions.count("ConvolutionBackward0") == 2
    assert functions.count("AddmmBackward0") == 1


def test_the_shortcut_is_an_addition_with_two_ways_back() -> None:
    dot = drawn(architectures.get("resnet-mini").build(), (1, 28, 28))
    (addition, *_others) = re.findall(r"(n\d+) \[label=AddBackward0\]", dot)
    assert dot.count(f" -> {addition}\n") == 2


def test_the_same_network_gives_the_same_source() -> None:
    first, second = (drawn(architectures.get("mlp").build(), (1, 28, 28)) for _ in range(2))
    assert first == second


def test_meta_and_the_cpu_agree() -> None:
    on_meta, shape = resolve("lenet-bn", {})
    assert shape is not None
    assert drawn(on_meta, shape) == drawn(architectures.get("lenet-bn").build(), shape)


def test_a_forward_that_needs_data() -> None:
    assert "AddmmBackward0" in drawn(NeedsData(), (4,))


def test_a_parameter_that_is_used_directly() -> None:
    assert "scale\\n100" in labels(drawn(Bare(), (100,)), "parameter")


@pytest.mark.parametrize(
    ("model", "shape", "match"),
    [
        (nn.Linear(4, 2), (5,), "because the forward pass fails. linear"),
        (nn.ReLU(), (4,), "no trainable parameters"),
        (nn.Linear(4, 2).requires_grad_(False), (4,), "no trainable parameters"),
        (Calls(lambda net, x: None, nn.Linear(4, 2)), (4,), "returns None, so the network has no output"),
        (nn.Sequential(*(nn.Linear(4, 4) for _ in range(60))), (4,), "more than 150 are too large to read"),
        (nn.Sequential(*(nn.Linear(4, 4) for _ in range(2000))), (4,), "has at least 2000 nodes"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(
    model: nn.Module, shape: tuple[int, ...], match: str
) -> None:
    with pytest.raises(CnnvizError, match=match):
        drawn(model, shape)


def test_a_forward_that_fails_in_training_alone_is_said_in_a_sentence() -> None:
    model, shape = resolve("resnet18", {"bn.eps": -1})
    assert shape is not None
    with pytest.raises(CnnvizError, match=r"in training, the forward pass raises .*eps must be positive"):
        drawn(model, shape)


def test_a_forward_that_needs_data_in_training_alone() -> None:
    def decides(net: Any, x: Tensor) -> Tensor:
        return net.m0(x) if not net.training or x.sum() > 0 else x

    assert "AddmmBackward0" in drawn(Calls(decides, nn.Linear(4, 2)), (4,))


def test_the_warnings_of_other_threads_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Noted(warnings.catch_warnings):  # type: ignore[type-arg]
        def __enter__(self) -> Any:
            asked.append(traceback.extract_stack()[-2].filename)
            return super().__enter__()

    monkeypatch.setattr(warnings, "catch_warnings", Noted)
    drawn(nn.Linear(4, 2), (4,))
    resolve("torchvision:googlenet", {})
    assert not [name for name in asked if "cnnviz" in name]


def test_nothing_of_the_model_or_the_process_changes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(), nn.Flatten()).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rng = torch.get_rng_state()
    drawn(model, (1, 8, 8))
    assert torch.equal(torch.get_rng_state(), rng)
    assert not any(module.training for module in model.modules())
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())

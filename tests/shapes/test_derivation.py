from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.models import resolve, traced
from cnnviz.operations.explaining import explain
from cnnviz.operations.window_arithmetic import Side
from cnnviz.shapes.derivation import (
    MOST_STATIONS,
    Step,
    beside,
    branches,
    derive,
    derive_failure,
    linear_indices,
    side_by_side,
    stations,
)
from cnnviz.shapes.text import derivation_text
from cnnviz.tracing.trace import trace
from tests.networks import ALL, NETWORKS, each, on_meta


def test_why_1408() -> None:
    traced = trace(architectures.get("inception-mini").build(), (1, 28, 28))
    (linear,) = linear_indices(traced)
    assert derive(traced, linear).chain == (
        "1 x 28 x 28 -> (28 - 5)/1 + 1 = 24 -> (24 - 2)/2 + 1 = 12 -> 16 + 24 + 24 + 24 = 88 -> "
        "(12 - 5)/1 + 1 = 8 -> (8 - 2)/2 + 1 = 4 -> 16 + 24 + 24 + 24 = 88 -> 88 x 4 x 4 = 1408 -> "
        "Linear(1408, 10)"
    )


@each(NETWORKS)
def test_every_linear_is_derived_from_the_input(architecture: Architecture) -> None:
    traced = trace(on_meta(architecture), architecture.input_shape)
    # Network in Network ends in an average over each map, with no Linear anywhere.
    assert bool(linear_indices(traced)) == (architecture.key != "nin")
    for index in linear_indices(traced):
        derivation = derive(traced, index)
        in_features = traced.ops[index].arguments["in_features"]
        assert derivation.steps[0].op.inputs == (-1,)
        assert derivation.steps[-1].op.index == index
        assert derivation.steps[-2].result[-1] == in_features
        assert all(step.text and step.rule for step in derivation.steps)


def test_branches_are_told_one_by_one() -> None:
    traced = trace(architectures.get("inception-mini").build(), (1, 28, 28))
    told = branches(traced, traced.op("incep1.cat").inputs)
    assert [[step.op.name for step in branch] for branch in told] == [
        ["incep1.branch1x1"],
        ["incep1.branch5x5_1", "incep1.branch5x5_2"],
        ["incep1.branch3x3_1", "incep1.branch3x3_2", "incep1.branch3x3_3"],
        ["incep1.avg_pool2d", "incep1.branch_pool"],
    ]
    assert told[1][1].substituted == "(12 + 2*2 - 5)/1 + 1 = 12"


def test_a_shortcut_is_a_branch_without_steps() -> None:
    traced = trace(architectures.get("resnet-mini").build(), (1, 28, 28))
    shortcut, block = branches(traced, traced.op("rblock1.add").inputs)
    assert shortcut == ()
    assert [step.op.name for step in block] == ["rblock1.conv1", "rblock1.relu", "rblock1.conv2"]


def test_a_failure_is_derived_up_to_what_arrived() -> None:
    derivation = derive_failure(trace(architectures.get("inception-mini").build(), (1, 32, 32)))
    assert derivation.layer == "fc"
    assert derivation.chain.endswith("88 x 5 x 5 = 2200")


@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
    ceil_mode=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_window_formula_is_pytorchs(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> None:
    padding = min(padding, kernel // 2)
    if dilation * (kernel - 1) + 1 > size + 2 * padding:
        return
    pool = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    real = pool(torch.zeros(1, 1, size, size)).shape[-1]
    side = Side(size, kernel, stride, padding, padding, dilation, ceil_mode)
    assert side.count == real
    assert side.formula.endswith(f"= {real}")


@given(
    height=st.integers(6, 30),
    width=st.integers(6, 30),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
@settings(max_examples=100, deadline=None)
def test_explanations_name_the_real_sizes(
    height: int, width: int, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> None:
    layer = nn.Conv2d(2, 3, kernel, stride, padding)
    real = layer(torch.zeros(1, 2, height, width)).shape
    traced = trace(layer, (2, height, width))
    substituted = explain(traced.ops[0], traced.ops).substituted
    shown = [int(part.rpartition("= ")[2]) for part in substituted.split(", ")]
    assert shown in ([real[2], real[3]], [real[2]])
    assert len(shown) == 2 or real[2] == real[3]


class AddsAConstant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(676, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        x = x + torch.zeros(4, 1, 1, device=x.device)
        return self.fc(x.flatten(1))


def test_a_constant_made_in_the_forward_is_no_path_from_the_input() -> None:
    traced = trace(AddsAConstant(), (1, 15, 15))
    (linear,) = linear_indices(traced)
    names = [step.op.name for step in derive(traced, linear).steps]
    assert names == ["conv", "add", "flatten", "fc"]
    add = explain(traced.op("add"), traced.ops)
    assert "repeated" in str(add.sentence)


@each(ALL)
def test_every_op_on_the_way_is_told_once(architecture: Architecture) -> None:
    """With the branches, the way back to the input has every op that the last one depends on."""
    traced = trace(on_meta(architecture), architecture.input_shape)
    last = len(traced.ops) - 1
    derivation = derive(traced, last)
    beside = side_by_side(traced, derivation)
    needed, waiting = set[int](), [last]
    while waiting:
        index = waiting.pop()
        if index >= 0 and index not in needed:
            needed.add(index)
            waiting += traced.ops[index].inputs
    assert last in needed
    lines = [line.strip() for line in derivation_text(derivation, beside).splitlines()]
    for index in needed:
        op = traced.ops[index]
        heads = [line for line in lines if line.startswith(f"{op.name} ({op.type}): ")]
        assert heads, op.name
        assert len(heads) == 1


def test_the_branch_of_a_residual_block_is_told() -> None:
    traced = trace(architectures.get("residual-identity").build(), (64, 56, 56))
    text = derivation_text(
        derive(traced, len(traced.ops) - 1), side_by_side(traced, derive(traced, len(traced.ops) - 1))
    )
    for name in (
        "conv1 (Conv2d)",
        "bn1 (BatchNorm2d)",
        "conv2 (Conv2d)",
        "bn2 (BatchNorm2d)",
        "The shortcut",
    ):
        assert text.count(name) == 1
    assert text.index("conv2 (Conv2d)") < text.index("add (add)")


def on_the_way(name: str) -> Sequence[Step]:
    model, shape = resolve(name, {})
    assert shape is not None
    traced = trace(model, shape)
    return stations(shape, derive(traced, len(traced.ops) - 1).steps)


def test_a_small_network_shows_what_changes_and_what_merges() -> None:
    names = [step.op.name for step in on_the_way("resnet-mini")]
    assert names == ["conv1", "mp", "rblock1.add", "conv2", "mp_2", "rblock2.add", "flatten", "fc"]


def test_shapes_that_change_inside_of_branches_are_seen_where_these_meet() -> None:
    shapes = [step.result for step in on_the_way("torchvision:resnet152")]
    assert shapes[:5] == [(64, 112, 112), (64, 56, 56), (256, 56, 56), (512, 28, 28), (1024, 14, 14)]


@each(ALL)
def test_the_last_station_is_the_output(architecture: Architecture) -> None:
    steps = on_the_way(architecture.key)
    model, shape = resolve(architecture.key, {})
    assert shape is not None
    assert steps[-1].result == trace(model, shape).ops[-1].output_shape


@pytest.mark.parametrize("name", ["densenet121", "googlenet", "vgg19", "efficientnet_b7", "vit_b_16"])
def test_no_network_has_more_than_a_picture_holds(name: str) -> None:
    assert 3 <= len(on_the_way(f"torchvision:{name}")) <= 2 * MOST_STATIONS


def broken_and_working(key: str, edits: dict[str, object]) -> list[tuple[str, str | None, str | None]]:
    told = beside(traced(key, {}), traced(key, edits))
    return [(name, right and right.substituted, wrong and wrong.substituted) for name, right, wrong in told]


def test_the_branches_of_a_broken_merge_stand_beside_those_that_fit() -> None:
    told = broken_and_working("inception-mini", {"incep1.branch1x1.stride": 2})
    assert [name for name, _, _ in told] == [
        "conv1",
        "mp",
        "incep1.branch1x1",
        "incep1.branch5x5_1",
        "incep1.branch5x5_2",
        "incep1.branch3x3_1",
        "incep1.branch3x3_2",
        "incep1.branch3x3_3",
        "incep1.avg_pool2d",
        "incep1.branch_pool",
    ]
    assert [pair for pair in told if pair[1] != pair[2]] == [
        ("incep1.branch1x1", "(12 - 1)/1 + 1 = 12", "⌊(12 - 1)/2⌋ + 1 = 6")
    ]


def test_both_ways_tell_a_step_that_either_finds_worth_telling() -> None:
    told = broken_and_working("resnet-mini", {"rblock1.conv1.kernel_size": 5})
    assert all(right is not None and wrong is not None for _, right, wrong in told)
    assert ("rblock1.conv2", "(12 + 2*1 - 3)/1 + 1 = 12", "(10 + 2*1 - 3)/1 + 1 = 10") in told


def test_a_call_that_the_working_network_does_not_make_has_its_whole_way_beside_it() -> None:
    told = beside(traced("torchvision:vit_b_16", {}), traced("torchvision:vit_b_16", {}, (3, 64, 64)))
    assert told[0][0] == "conv_proj"
    assert told[-1][0] == "heads.head"
    assert all(wrong is None for _, _, wrong in told)


def test_nothing_stands_beside_a_network_that_works() -> None:
    working = traced("mlp", {})
    with pytest.raises(ValueError, match="did not fail"):
        beside(working, working)

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cnnviz.architectures import Architecture
from cnnviz.models import resolve
from cnnviz.shapes.derivation import MOST_STATIONS, Step, derive, stations
from cnnviz.tracing.trace import trace
from tests.networks import ALL, each


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

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz import architectures
from cnnviz.interpret.activations import around_activation, statistics
from cnnviz.tracing.trace import trace


def test_statistics_are_of_each_map() -> None:
    values = np.zeros((3, 2, 2), np.float32)
    values[1] = [[1, -3], [0, 2]]
    values[2] = 5
    found = statistics(values)
    assert found.mean.tolist() == [0, 0, 5]
    assert found.low.tolist() == [0, -3, 5]
    assert found.high.tolist() == [0, 2, 5]
    assert found.zeros.tolist() == [1, 0.25, 0]
    assert found.dead.tolist() == [True, False, False]
    assert found.deviation[1] == pytest.approx(values[1].std())


def test_each_value_of_a_vector_is_a_map() -> None:
    found = statistics(np.array([0.0, 4.0], np.float32))
    assert found.mean.tolist() == [0, 4]
    assert found.dead.tolist() == [True, False]


@pytest.mark.parametrize(
    ("key", "op", "pair"),
    [
        ("lenet-cifar", "conv1", ("conv1", "relu")),
        ("lenet-cifar", "relu", ("conv1", "relu")),
        ("resnet18", "stage1.0.add", ("stage1.0.add", "stage1.0.relu_2")),
        ("lenet-cifar", "flatten", None),
        ("basic-cnn", "fc", None),
    ],
)
def test_before_and_after_the_activation(key: str, op: str, pair: tuple[str, str] | None) -> None:
    architecture = architectures.get(key)
    with torch.device("meta"):
        traced = trace(architecture.build(), architecture.input_shape)
    found = around_activation(traced, traced.op(op))
    assert (None if found is None else (found[0].name, found[1].name)) == pair


def test_an_activation_of_the_input_has_nothing_before_it() -> None:
    traced = trace(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 1, 3)), (1, 8, 8))
    assert around_activation(traced, traced.ops[0]) is None

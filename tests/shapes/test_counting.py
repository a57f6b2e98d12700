from __future__ import annotations

import math
import re

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.shapes.counting import macs_formula, parameter_formula
from cnnviz.tracing.trace import trace
from tests.networks import ALL, each, on_meta


def value_of(formula: str) -> int:
    """Evaluate the left side of ``(5 x 5 x 1 + 1) x 10 = 260``."""
    left = formula.partition(" = ")[0]
    assert re.fullmatch(r"[\dx+() ]+", left)
    inner = re.sub(r"\(([^)]*)\)", lambda match: str(_sum(match[1])), left)
    return _sum(inner)


def _sum(text: str) -> int:
    return sum(math.prod(int(factor) for factor in term.split(" x ")) for term in text.split(" + "))


def test_the_example_of_the_course() -> None:
    conv1 = trace(architectures.get("basic-cnn").build(), (1, 28, 28)).op("conv1")
    assert parameter_formula(conv1) == "(5 x 5 x 1 + 1) x 10 = 260"
    assert macs_formula(conv1) == "5 x 5 x 1 x 10 x 24 x 24 = 144,000"


@each(ALL)
def test_formulas_add_up_to_the_totals(architecture: Architecture) -> None:
    traced = trace(on_meta(architecture), architecture.input_shape)
    params = [parameter_formula(op) for op in traced.ops if op.params]
    macs = [macs_formula(op) for op in traced.ops if op.macs]
    assert sum(value_of(formula) for formula in params if formula) == traced.total_params
    assert sum(value_of(formula) for formula in macs if formula) == traced.macs


@pytest.mark.parametrize(
    ("layer", "shape", "formula"),
    [
        (nn.Conv2d(8, 6, 3, groups=2, bias=False), (8, 9, 9), "3 x 3 x 4 x 6 = 216"),
        (nn.Linear(7, 3, bias=False), (7,), "7 x 3 = 21"),
        (nn.BatchNorm2d(5), (5, 4, 4), "2 x 5 = 10"),
        (nn.MaxPool2d(2), (5, 4, 4), None),
    ],
)
def test_single_layers(layer: nn.Module, shape: tuple[int, ...], formula: str | None) -> None:
    assert parameter_formula(trace(layer, shape).ops[0]) == formula


@pytest.mark.parametrize(
    ("layer", "shape", "params", "macs"),
    [
        (nn.RNN(5, 7, batch_first=True), (11, 5), "1 x 7 x (5 + 7) + 2 x 1 x 1 x 7 = 98", "1 x 7 x (5 + 7) x 11 = 924"),
        (nn.GRU(5, 7, bias=False, batch_first=True), (11, 5), "3 x 7 x (5 + 7) = 252", "3 x 7 x (5 + 7) x 11 = 2,772"),
        (
            nn.LSTM(5, 7, 2, batch_first=True, bidirectional=True),
            (11, 5),
            "2 x 4 x 7 x (5 + 7) + 2 x 4 x 7 x (14 + 7) + 2 x 4 x 4 x 7 = 2,072",
            "2 x 4 x 7 x (5 + 7) x 11 + 2 x 4 x 7 x (14 + 7) x 11 = 20,328",
        ),
        (
            nn.LSTM(5, 7, proj_size=3, batch_first=True),
            (11, 5),
            "4 x 7 x (5 + 3) + 7 x 3 + 2 x 1 x 4 x 7 = 301",
            "4 x 7 x (5 + 3) x 11 + 7 x 3 x 11 = 2,695",
        ),
        (nn.LSTMCell(5, 7), (5,), "4 x 7 x (5 + 7) + 2 x 1 x 4 x 7 = 392", "4 x 7 x (5 + 7) x 1 = 336"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)  # fmt: skip
def test_recurrent_layers(layer: nn.Module, shape: tuple[int, ...], params: str, macs: str) -> None:
    op = trace(layer, shape).ops[0]
    assert parameter_formula(op) == params
    assert macs_formula(op) == macs
    assert value_of(params) == sum(p.numel() for p in layer.parameters())
    assert value_of(macs) == op.macs


def test_recurrent_layers_count_as_pytorch_counts_them() -> None:
    layer = nn.LSTM(5, 7, 2, bidirectional=True, batch_first=True).to("meta")
    with FlopCounterMode(display=False) as counter:
        layer(torch.empty(1, 11, 5, device="meta"))
    assert trace(layer, (11, 5)).macs * 2 == counter.get_total_flops()

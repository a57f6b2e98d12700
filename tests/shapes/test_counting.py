from __future__ import annotations

import math
import re

import pytest
from torch import nn

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.shapes.counting import macs_formula, parameter_formula
from cnnviz.shapes.trace import trace
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

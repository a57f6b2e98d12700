"""The output is what was returned: not the last operation, and each of several by its name."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from torch import Tensor, nn

from cnnviz.shapes.table import notes
from cnnviz.tracing.outputs import Output
from cnnviz.tracing.trace import trace
from tests.shapes.networks import Calls


@dataclass
class Result:
    logits: Tensor
    features: Tensor
    loss: Tensor | None = None


Pair = namedtuple("Pair", ["logits", "features"])


def test_a_norm_computed_for_logging_is_not_the_output() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        scores: Tensor = net.m0(x)
        net.logged = scores.norm(dim=1)
        return scores

    traced = trace(Calls(forward, nn.Linear(4, 3)), (4,))
    assert [op.name for op in traced.ops] == ["m0", "norm"]
    assert traced.output is traced.ops[0]
    assert traced.outputs == (Output("", 0, (3,)),)
    assert notes(traced) == ["Output: 3, from m0"]


@pytest.mark.parametrize(
    ("returns", "names"),
    [
        (lambda a, b: (a, b), ["0", "1"]),
        (lambda a, b: [a, b], ["0", "1"]),
        (lambda a, b: {"logits": a, "features": b}, ["logits", "features"]),
        (lambda a, b: Pair(a, b), ["logits", "features"]),
        (lambda a, b: Result(a, b), ["logits", "features"]),
        (lambda a, b: SimpleNamespace(logits=a, features=b), ["logits", "features"]),
        (lambda a, b: (a, {"features": [b]}), ["0", "1.features.0"]),
    ],
)
def test_several_outputs_are_named(returns: Callable[[Tensor, Tensor], Any], names: list[str]) -> None:
    def forward(net: Any, x: Tensor) -> Any:
        features = net.m0(x)
        return returns(net.m1(features), features)

    traced = trace(Calls(forward, nn.Linear(4, 6), nn.Linear(6, 3)), (4,))
    assert traced.outputs == (Output(names[0], 1, (3,)), Output(names[1], 0, (6,)))
    assert traced.output is traced.ops[1]
    assert f"Outputs: {names[0]} 3, {names[1]} 6" in notes(traced)


def test_the_input_itself_comes_back() -> None:
    traced = trace(Calls(lambda net, x: (net.m0(x), x)[1], nn.Linear(4, 3)), (4,))
    assert (traced.output, traced.outputs) == (None, (Output("", -1, (4,)),))
    assert notes(traced) == ["Output: 4, not computed by any operation"]

"""Slips of the pen are told from the class, whatever PyTorch says of what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from cnnviz.tracing.trace import trace
from tests.shapes.networks import Calls


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda net, x: None, "The forward of Calls returns None, so the network has no output."),
        (
            lambda net, x: nn.ReLU(x),
            "The forward of Calls returns a ReLU layer, not a tensor: nn.ReLU(x) makes a layer and takes x for its "
            "first setting.",
        ),
        (
            lambda net, x: net.m0,
            "The forward of Calls returns the layer m0 itself, not what it gives.",
        ),
        (lambda net, x: x.mean, "The forward of Calls returns mean itself, which was not called."),
        (
            lambda net, x: x.shape,
            "The forward of Calls returns a value of type Size, in which there is no tensor.",
        ),
        (
            lambda net, x: {"logits": 3},
            "The forward of Calls returns a value of type dict, in which there is no tensor.",
        ),
    ],
)
def test_what_comes_back_is_no_tensor(function: Callable[[Any, Tensor], Any], reason: str) -> None:
    failure = trace(Calls(function, nn.Linear(4, 2)), (4,)).failure
    assert failure is not None
    assert str(failure.reason) == reason
    assert failure.advice is not None

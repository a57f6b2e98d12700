"""What a pass uses and PyTorch does not find in the model, by the attribute that holds it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnviz.tracing.trace import trace
from cnnviz.tracing.unregistered import Unregistered
from tests.shapes.networks import Calls

OUTSIDE = nn.Linear(4, 4)


class Holder(nn.Module):
    """Sends its input through everything in ``held``."""

    def __init__(self, held: Any, *names: str) -> None:
        super().__init__()
        self.held = held

    def forward(self, x: Tensor) -> Tensor:
        return use(self.held, x)


def use(held: Any, x: Tensor) -> Tensor:
    if isinstance(held, Tensor):
        return x * held
    if isinstance(held, nn.Module):
        return held(x)  # type: ignore[no-any-return]
    if isinstance(held, SimpleNamespace):
        held = vars(held)
    for entry in held.values() if isinstance(held, dict) else held:
        x = use(entry, x)
    return x


@pytest.mark.parametrize(
    ("held", "found"),
    [
        ([nn.Linear(4, 4), nn.Linear(4, 4)], ("list", ("Linear", "Linear"), 40)),
        ((nn.Linear(4, 4),), ("tuple", ("Linear",), 20)),
        ({"a": nn.Linear(4, 4)}, ("dict", ("Linear",), 20)),
        ({"a": [nn.Linear(4, 4)], "b": [nn.ReLU()]}, ("dict", ("Linear", "ReLU"), 20)),
        ([[nn.Sequential(nn.Linear(4, 4), nn.ReLU())]], ("list", ("Sequential",), 20)),
        (SimpleNamespace(a=nn.Linear(4, 4)), ("object", ("Linear",), 20)),
        (torch.ones(4, requires_grad=True), ("attribute", (), 4)),
        ([nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))], ("list", (), 8)),
    ],
)
def test_what_an_attribute_holds(held: Any, found: tuple[Any, ...]) -> None:
    traced = trace(Holder(held), (4,))
    assert traced.unregistered == (Unregistered("held", *found),)
    assert (traced.total_params, sum(op.params for op in traced.ops)) == (0, 0)


def test_a_layer_in_a_list_is_one_op_with_its_type() -> None:
    ops = trace(Holder([nn.Linear(4, 3)]), (4,)).ops
    assert [(op.name, op.type, op.module, op.macs) for op in ops] == [("held.0", "Linear", None, 12)]


@pytest.mark.parametrize("held", [nn.ModuleList([nn.Linear(4, 4)]), [], nn.Parameter(torch.ones(4))])
def test_what_is_registered_is_not_named(held: Any) -> None:
    assert trace(Holder(held), (4,)).unregistered == ()


def test_layers_listed_a_second_time_and_those_that_do_not_run_are_not_named() -> None:
    model = Calls(lambda net, x: net.again[0](x), nn.Linear(4, 4))
    model.again = [model.m0]
    model.idle = [nn.Linear(9, 9)]
    assert trace(model, (4,)).unregistered == ()


def makes(net: Any, x: Tensor) -> Tensor:
    return nn.Linear(4, 3)(x)  # type: ignore[no-any-return]


def keeps(net: Any, x: Tensor) -> Tensor:
    if not hasattr(net, "late"):
        net.late = nn.Linear(4, 3)
    return net.late(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (makes, Unregistered("Linear", "forward", ("Linear",), 15)),
        (keeps, Unregistered("Linear", "first forward", ("Linear",), 15)),
        (lambda net, x: OUTSIDE(x), Unregistered("Linear", "outside", ("Linear",), 20)),
    ],
)
def test_layers_that_forward_makes_or_takes_from_elsewhere(function: Any, found: Unregistered) -> None:
    traced = trace(Calls(function), (4,))
    assert traced.unregistered == (found,)
    assert [op.type for op in traced.ops] == ["linear"]  # and no op for the making of its weights

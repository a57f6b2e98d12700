"""Slips of the pen are told from the class, whatever PyTorch says of what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.models import traced
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
            "The forward of Calls returns a value of type Size that contains no tensor.",
        ),
        (
            lambda net, x: {"logits": 3},
            "The forward of Calls returns a value of type dict that contains no tensor.",
        ),
    ],
)
def test_what_comes_back_is_no_tensor(function: Callable[[Any, Tensor], Any], reason: str) -> None:
    failure = trace(Calls(function, nn.Linear(4, 2)), (4,)).failure
    assert failure is not None
    assert str(failure.reason) == reason
    assert failure.advice is not None


class Local(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        conv = nn.Linear(4, 2)  # noqa: F841  the slip

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return, operator]


class NotKept(nn.Module):
    def __init__(self, size: int = 3) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.size


class WithoutSelf(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return conv(x)  # type: ignore[no-any-return, name-defined]  # noqa: F821  the slip


class OtherName(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.con1(x)  # type: ignore[no-any-return, operator]


class OneUnderscore(nn.Module):
    def _init_(self) -> None:
        super().__init__()
        self.conv = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Int(nn.Module):
    def __int__(self) -> int:
        self.conv = nn.Linear(4, 2)
        return 0

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Foward(nn.Module):
    def foward(self, x: Tensor) -> Tensor:
        return x


class Inside(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        def forward(x: Tensor) -> Tensor:
            return x


class Silent(nn.Module):
    def forward(self, x: Tensor) -> None:
        x * 2


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Local(),
            "Local has no conv: in __init__ it is a local name, which is gone when __init__ returns. Write self.conv = "
            "... there.",
        ),
        (
            NotKept(),
            "NotKept has no size: __init__ takes it and does not keep it. Add to __init__: self.size = size.",
        ),
        (WithoutSelf(), "forward uses conv, but the layer is self.conv. Write self.conv in place of conv."),
        (
            OtherName(),
            "OtherName has no con1, but it has conv1. Use the same name in __init__ and in forward.",
        ),
        (
            OneUnderscore(),
            "The constructor of OneUnderscore is called _init_ in place of __init__, so it never ran. Write __init__, "
            "with two underscores on both sides.",
        ),
        (
            Int(),
            "The constructor of Int is called __int__ in place of __init__, so it never ran. Write __init__, with two "
            "underscores on both sides.",
        ),
        (
            Foward(),
            "Foward has no forward; it has foward, which PyTorch does not call. Rename it to forward.",
        ),
        (
            Inside(),
            "Inside has no forward: it stands inside __init__. Indent it like __init__, one level below the class.",
        ),
        (
            Calls(lambda net, x: net.m0(x), nn.ModuleList([nn.ReLU()])),
            "A ModuleList only holds layers and cannot be called. Call them one by one (for layer in self.layers: x = "
            "layer(x)), or use nn.Sequential.",
        ),
        *(
            (
                Calls(function, Silent(), nn.Linear(4, 2)),
                "The forward of m0 (Silent) returns None, so nothing reaches the next layer. End it with a return "
                "statement, such as: return x.",
            )
            for function in (
                lambda net, x: net.m1(net.m0(x)),
                lambda net, x: x + net.m0(x),
                lambda net, x: net.m0(x).relu(),
            )
        ),
    ],
)
def test_the_slip_behind_an_error(model: nn.Module, message: str) -> None:
    failure = trace(model, (4,)).failure
    assert failure is not None
    assert failure.message == message


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        ("ReLU", lambda net, x: net.m0(nn.ReLU(x))),
        ("ReLU", lambda net, x: x + nn.ReLU(x)),
        ("ReLU", lambda net, x: nn.ReLU(x).flatten(1)),
        ("Sigmoid", lambda net, x: nn.Sigmoid(x)),
        ("Dropout", lambda net, x: nn.Dropout(x)),
        ("Flatten", lambda net, x: torch.relu(nn.Flatten(x))),
        ("MaxPool1d", lambda net, x: net.m0(nn.MaxPool1d(2))),
    ],
)
def test_a_layer_used_as_a_tensor(layer: str, function: Callable[[Any, Tensor], Any]) -> None:
    failure = trace(Calls(function, nn.Linear(4, 2)), (4,)).failure
    assert failure is not None
    assert failure.message == (
        f"A {layer} layer is used as if it were a tensor: nn.{layer}(x) makes a layer and takes x for its first "
        f"setting. Make it in __init__ (self.layer = nn.{layer}(...)) and call it in forward: x = self.layer(x)."
    )


LATE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        {before}
        self.fc = nn.Linear(4, 2)
        {after}

    def forward(self, x):
        return self.fc(x)
"""


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("", "super().__init__()"), ("super().__init__", "")]
)
def test_the_constructor_of_module_is_not_called_first(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(LATE.format(before=before, after=after))
    with pytest.raises(CnnvizError) as caught:
        traced(f"{file}:Net", {}, (4,), own_files=True)
    assert str(caught.value) == (
        "The constructor of Net does not call that of nn.Module first, so layers cannot be registered yet. "
        "Make super().__init__() the first line of __init__."
    )


def test_a_constructor_of_numbers_alone_that_is_not_called_first() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.factor = 2

        def forward(self, x: Tensor) -> Tensor:
            return x * self.factor

    with pytest.raises(CnnvizError, match=r"The constructor of Scaled does not call that of nn.Module first"):
        trace(Scaled(), (4,))


def test_a_misspelt_constructor_with_arguments(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\nclass Block(nn.Module):\n    def _init_(self, size):\n        pass\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.block = Block(3)\n"
    )
    with pytest.raises(CnnvizError, match="The constructor of Block is called _init_ in place of __init__"):
        traced(f"{file}:Net", {}, (4,), own_files=True)


def test_a_comma_behind_a_layer_makes_a_tuple() -> None:
    model = Calls(lambda net, x: net.conv(x))
    model.conv = (nn.Linear(4, 2),)
    failure = trace(model, (4,)).failure
    assert failure is not None
    assert failure.message == (
        "conv is not a layer but a tuple with one layer in it, because of a comma at the end of its line. Remove the "
        "comma after self.conv = ..."
    )

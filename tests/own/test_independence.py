"""A network whose forward pass changes it: what one use leaves behind, the next must not find."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnnviz import architectures
from cnnviz.hosted.host import Held
from cnnviz.own.building import constructed
from cnnviz.own.definition import Definition
from cnnviz.tracing.copies import for_one_use
from cnnviz.ui.shared import cached

CHANGING = """
import torch
import torch.nn as nn

SEEN = []

class Block(nn.Module):
    calls = []

    def forward(self, x, before=[]):
        before.append(1)
        Block.calls.append(1)
        return x + len(before) + 10 * len(self.calls)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.counter = 0
        self.inputs = []
        self.register_buffer("total", torch.zeros(1))
        self.scale = nn.Parameter(torch.ones(1))
        self.scaled = 2 * self.scale
        steps = 0

        def tripled(v):
            nonlocal steps
            steps += 1
            return 3 * self.block(v) + 1000 * steps

        self.tripled = tripled

    def forward(self, x):
        self.counter += 1
        self.last = x
        self.inputs.append(x)
        SEEN.append(x)
        self.total += 1
        self.scale.data.mul_(2)
        x = self.tripled(x) + 1e4 * self.counter + 1e5 * len(self.inputs) + 1e6 * len(SEEN)
        return x + 1e7 * self.total + 1e8 * self.scale + self.scaled - self.scaled
"""
X = torch.zeros(1, 1, dtype=torch.float64)
FIRST = 3 * 11 + 1000 + 1e4 + 1e5 + 1e6 + 1e7 + 2e8


class Counting(nn.Module):
    """What a person's own Python may do."""

    def __init__(self) -> None:
        super().__init__()
        self.counter = 0
        self.register_buffer("total", torch.zeros(1))
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        self.counter += 1
        self.total += 1
        self.scale += 1
        return x + self.counter + 10 * self.total + 100 * self.scale


def answer(model: nn.Module, x: Tensor) -> float:
    with torch.no_grad():
        return float(model(x))


def test_every_use_of_a_pasted_network_begins_where_its_constructor_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = constructed(Definition(CHANGING)).requires_grad_(False).eval()
    monkeypatch.setattr(cached, "network", lambda weights: shared)
    assert [cached.computed(("untrained", "own"), answer, X) for _ in range(3)] == [FIRST] * 3
    assert answer(shared, X) == FIRST  # nothing of it had been changed
    assert answer(shared, X) > FIRST  # and everything is there to be changed


def test_weights_that_are_looked_at_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "import torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    )
    text += "        self.fc = nn.Linear(4, 2)\n    def forward(self, x):\n        return self.fc(x)\n"
    shared = constructed(Definition(text)).eval()
    monkeypatch.setattr(cached, "network", lambda weights: shared)
    (layer,) = cached.layers(("untrained", "own-looked-at"), (4,))  # type: ignore[arg-type]
    assert layer.values.ctypes.data == shared.get_parameter("fc.weight").data_ptr()


def test_a_copy_of_a_pasted_network_goes_on_changing_itself_as_python_does() -> None:
    one = for_one_use(constructed(Definition(CHANGING)))
    answer(one, X)
    assert answer(one, X) == 3 * 22 + 2000 + 2e4 + 2e5 + 2e6 + 2e7 + 4e8


def test_a_network_of_the_catalogue_is_used_as_it_is() -> None:
    model = architectures.get("mlp").build()
    assert for_one_use(model) is model


def test_every_question_about_a_live_model_begins_with_the_model_as_it_is() -> None:
    held = Held(Counting())
    assert [answer(held.copy(), X) for _ in range(3)] == [1 + 10 + 200] * 3
    assert answer(held.original.requires_grad_(False), X) == 1 + 10 + 200

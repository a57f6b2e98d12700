from __future__ import annotations

import re
import traceback
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnviz import architectures
from cnnviz.errors import CnnvizError
from cnnviz.models import resolve
from cnnviz.shapes.graph import PARTS, autograd_dot
from tests.shapes.networks import Bare, Calls, NeedsData

INK = "#000000"
COLOURS = {part: (f"#00000{number}", f"#ffffff{number}"[:7]) for number, part in enumerate(PARTS)}


def drawn(model: nn.Module, shape: tuple[int, ...]) -> str:
    return autograd_dot(model, shape, COLOURS, INK)


def labels(dot: str, part: str | None = None) -> list[str]:
    """The labels of all nodes, or of those with the colour of ``part``."""
    nodes = [line for line in dot.splitlines() if re.match(r"n\d+ \[", line)]
    wanted = [line for line in nodes if part is None or f'fillcolor="{COLOURS[part][0]}"' in line]
    return [re.sub(r'.*label="?([^"\]]*).*', r"\1", line) for line in wanted]


def test_every_parameter_gathers_a_gradient() -> None:
    model = architectures.get("basic-cnn").build()
    dot = drawn(model, (1, 28, 28))
    expected = [f"{name}\\n{' x '.join(map(str, p.shape))}" for name, p in model.named_parameters()]
    assert sorted(labels(dot, "parameter")) == sorted(expected)
    assert labels(dot, "output") == ["2 x 10"]
    functions = " ".join(labels(dot))
    assert functions.count("ConvolutionBackward0") == 2
    assert functions.count("AddmmBackward0") == 1


def test_the_shortcut_is_an_addition_with_two_ways_back() -> None:
    dot = drawn(architectures.get("resnet-mini").build(), (1, 28, 28))
    (addition, *_others) = re.findall(r"(n\d+) \[label=AddBackward0\]", dot)
    assert dot.count(f" -> {addition}\n") == 2


def test_the_same_network_gives_the_same_source() -> None:
    first, second = (drawn(architectures.get("mlp").build(), (1, 28, 28)) for _ in range(2))
    assert first == second


def test_meta_and_the_cpu_agree() -> None:
    on_meta, shape = resolve("lenet-bn", {})
    assert shape is not None
    assert drawn(on_meta, shape) == drawn(architectures.get("lenet-bn").build(), shape)


def test_a_forward_that_needs_data() -> None:
    assert "AddmmBackward0" in drawn(NeedsData(), (4,))


def test_a_parameter_that_is_used_directly() -> None:
    assert "scale\\n100" in labels(drawn(Bare(), (100,)), "parameter")


@pytest.mark.parametrize(
    ("model", "shape", "match"),
    [
        (nn.Linear(4, 2), (5,), "because the forward pass fails. linear"),
        (nn.ReLU(), (4,), "no trainable parameters"),
        (nn.Linear(4, 2).requires_grad_(False), (4,), "no trainable parameters"),
        (Calls(lambda net, x: None, nn.Linear(4, 2)), (4,), "no trainable parameters"),
        (nn.Sequential(*(nn.Linear(4, 4) for _ in range(60))), (4,), "more than 150 are too large to read"),
        (nn.Sequential(*(nn.Linear(4, 4) for _ in range(2000))), (4,), "has at least 2000 nodes"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(
    model: nn.Module, shape: tuple[int, ...], match: str
) -> None:
    with pytest.raises(CnnvizError, match=match):
        drawn(model, shape)


def test_a_forward_that_fails_in_training_alone_is_said_in_a_sentence() -> None:
    model, shape = resolve("resnet18", {"bn.eps": -1})
    assert shape is not None
    with pytest.raises(CnnvizError, match=r"in training, the forward pass raises .*eps must be positive"):
        drawn(model, shape)


def test_a_forward_that_needs_data_in_training_alone() -> None:
    def decides(net: Any, x: Tensor) -> Tensor:
        return net.m0(x) if not net.training or x.sum() > 0 else x

    assert "AddmmBackward0" in drawn(Calls(decides, nn.Linear(4, 2)), (4,))


def test_the_warnings_of_other_threads_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Noted(warnings.catch_warnings):  # type: ignore[type-arg]
        def __enter__(self) -> Any:
            asked.append(traceback.extract_stack()[-2].filename)
            return super().__enter__()

    monkeypatch.setattr(warnings, "catch_warnings", Noted)
    drawn(nn.Linear(4, 2), (4,))
    resolve("torchvision:googlenet", {})
    assert not [name for name in asked if "cnnviz" in name]


def test_nothing_of_the_model_or_the_process_changes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(), nn.Flatten()).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rng = torch.get_rng_state()
    drawn(model, (1, 8, 8))
    assert torch.equal(torch.get_rng_state(), rng)
    assert not any(module.training for module in model.modules())
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())

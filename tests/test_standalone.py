"""The file that a person takes home runs by itself, for every network."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
import torch

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import UnknownKeyError
from cnnviz.models import resolve
from cnnviz.operations.op import shape_text
from cnnviz.standalone import runnable, source
from cnnviz.tracing.trace import trace


def run(code: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Run ``code`` as ``python file.py`` would, on the meta device, where cnnviz is not installed."""
    known = builtins.__import__

    def without_cnnviz(name: str, *args: Any) -> ModuleType:
        if name.partition(".")[0] == "cnnviz":
            raise ModuleNotFoundError(name)
        return known(name, *args)

    module = ModuleType("__main__")
    with monkeypatch.context() as changed, torch.device("meta"):
        changed.setitem(module.__dict__, "__builtins__", {**vars(builtins), "__import__": without_cnnviz})
        exec(compile(code, "taken_home.py", "exec"), module.__dict__)
    return module


def other_values(architecture: Architecture) -> dict[str, object]:
    """For each option a value that is not the default."""
    found: dict[str, object] = {}
    for name, option in architecture.options.items():
        if option.choices:
            found[name] = next(choice for choice in option.choices if choice != option.default)
        elif isinstance(option.default, bool):
            found[name] = not option.default
        else:
            found[name] = option.high if option.high != option.default else option.low
    return found


@pytest.mark.parametrize("architecture", architectures.registered(), ids=lambda a: a.key)
@pytest.mark.parametrize("changed", [False, True])
def test_every_network_runs_without_cnnviz(
    architecture: Architecture,
    changed: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edits = other_values(architecture) if changed else {}
    traced = trace(resolve(architecture.key, edits)[0], architecture.input_shape)
    run(runnable(architecture.key, architecture.input_shape, edits), monkeypatch)
    output, parameters = capsys.readouterr().out.splitlines()
    assert parameters == f"parameters: {traced.total_params:,}"
    shape = ", ".join(shape_text(traced.ops[-1].output_shape).split(" x "))
    assert output == f"output: (1, {shape})"


@pytest.mark.parametrize(
    ("name", "size", "edits"),
    [
        ("inception-mini", 32, {"fc.in_features": 2200}),
        ("basic-cnn", 28, {"conv1.out_channels": 6, "conv2.in_channels": 6}),
        ("lenet5", 28, {"conv1.padding": "same", "conv1.padding_mode": "circular"}),
        (
            "lenet5",
            28,
            {"pool.ceil_mode": True, "pool.kernel_size": 3, "pool.stride": 2},
        ),
        ("alexnet", 224, {"fc3.out_features": 100}),
        ("torchvision:resnet18", 64, {"fc.out_features": 7}),
    ],
)
def test_edits_of_layers_come_along(
    name: str,
    size: int,
    edits: Mapping[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    network, shape = resolve(name, edits)
    assert shape is not None
    shape = (shape[0], size, size)
    run(runnable(name, shape, edits), monkeypatch)
    traced = trace(network, shape)
    assert capsys.readouterr().out == (
        f"output: (1, {traced.ops[-1].output_shape[0]})\nparameters: {traced.total_params:,}\n"
    )


def test_the_file_holds_what_the_network_needs_and_nothing_else() -> None:
    code = runnable("inception-reduced", (192, 28, 28), {})
    assert "class ReducedInception(Inception):" in code
    assert code.index("class Inception(") < code.index("class ReducedInception")
    assert "class GoogLeNet" not in code
    assert "class DenseBlock" not in code
    assert code.count("from torch import") == 1


def test_sources_are_shown_as_they_are() -> None:
    path, text = source("inception-mini")
    assert path == "cnnviz/architectures/inception.py"
    assert "class InceptionMini(nn.Module):" in text
    path, text = source("torchvision:resnet152")
    assert path == "torchvision/models/resnet.py"
    assert "class Bottleneck" in text
    with pytest.raises(UnknownKeyError):
        source("resnet81")

"""What the interpreter makes of a text is what Python and PyTorch make of the same file: table, totals, failing line.

``students/`` holds networks in the manner of homework; the first line of each is the shape of its input.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cnnviz import architectures
from cnnviz.own.calls import call
from cnnviz.own.definition import Definition
from cnnviz.own.program import Program, build, load
from cnnviz.own.reading import ConstructionError, network, read, traced
from cnnviz.own.runs import Run, running
from cnnviz.own.values import Function
from cnnviz.shapes.warnings import warnings
from cnnviz.standalone import excerpt
from cnnviz.tracing.inputs import as_taken
from cnnviz.tracing.trace import Trace, trace

STUDENTS = sorted((Path(__file__).parent / "students").glob("*.py"))


def shape_of(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.splitlines()[0].removeprefix("# ").split(",")))


def by_python(path: Path) -> Any:
    """The class as Python itself defines it."""
    spec = importlib.util.spec_from_file_location(f"student_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Net


def built_by_python(path: Path) -> tuple[Any, Exception | None]:
    """An instance on the meta device, or what the constructor raises."""
    try:
        with torch.device("meta"):
            return by_python(path)(), None
    except Exception as error:
        return None, error


def facts(found: Trace) -> tuple[Any, ...]:
    rows = [
        (op.name, op.type, op.kind, op.inputs, op.output_shape, op.params, op.macs, op.reused)
        for op in found.ops
    ]
    failure = found.failure and (
        found.failure.name,
        found.failure.expected,
        found.failure.received,
        found.failure.fix,
    )
    outputs = [(output.name, output.shape) for output in found.outputs]
    return rows, found.total_params, found.macs, failure, outputs, found.real_pass


def python_line(error: BaseException | None, path: Path) -> int | None:
    """The line of the file that raised ``error``."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)


@pytest.mark.parametrize("path", STUDENTS, ids=lambda path: path.stem)
def test_a_students_network_is_what_python_makes_of_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    own = load(text).classes["Net"]
    real, raised = built_by_python(path)
    if raised is not None:
        with pytest.raises(ConstructionError) as caught:
            network(own)
        assert caught.value.line == python_line(raised, path)
        assert str(raised) in str(caught.value) or path.stem == "wrong_no_super"
        return
    expected, found = trace(real, shape_of(text)), traced(network(own), shape_of(text))
    assert facts(found) == facts(expected)
    if expected.failure is not None and path.stem not in ("wrong_no_return", "wrong_layer_in_forward"):
        assert found.failure is not None
        assert found.failure.line == python_line(expected.raised, path)
        assert found.failure.message == expected.failure.message.replace(
            f" in {path.name}", ""
        ) or "raises" in (expected.failure.message)


def test_there_are_right_and_wrong_networks() -> None:
    wrong = [path for path in STUDENTS if path.stem.startswith("wrong_")]
    assert len(STUDENTS) >= 60
    assert 20 <= len(wrong) <= len(STUDENTS) - 30


@pytest.mark.parametrize(
    "path", [path for path in STUDENTS if not path.stem.startswith("wrong_")], ids=lambda p: p.stem
)
def test_real_values_are_pytorchs(path: Path) -> None:
    """The same weights give the same output, to the last digit."""
    text = path.read_text(encoding="utf-8")
    cls = by_python(path)
    torch.manual_seed(0)
    real = cls().eval()
    torch.manual_seed(0)
    own = build(load(text).classes["Net"]).eval()
    x = (
        torch.randint(0, 9, (2, *shape_of(text)))
        if path.stem in ("embedding", "rnn_text")
        else as_taken(real, torch.rand(2, *shape_of(text)))
    )
    with torch.no_grad():
        assert same(seeded(own, x), seeded(real, x))


def seeded(model: nn.Module, x: torch.Tensor) -> Any:
    """The output of a model whose lazy layers, if any, get their weights now."""
    torch.manual_seed(1)
    return model(x)


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(torch.equal(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, tuple):
        return all(map(torch.equal, ours, theirs))
    return torch.equal(ours, theirs)


TORCHVISION: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet": ("AlexNet", {}),
    "squeezenet": ("SqueezeNet", {"version": "1_1"}),
    "densenet": ("DenseNet", {}),
    "googlenet": ("GoogLeNet", {"init_weights": False}),
    "mobilenetv2": ("MobileNetV2", {}),
    "shufflenetv2": (
        "ShuffleNetV2",
        {"stages_repeats": [4, 8, 4], "stages_out_channels": [24, 116, 232, 464, 1024]},
    ),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_files_are_read_as_text(name: str) -> None:
    module = import_module(f"torchvision.models.{name}")
    cls, arguments = TORCHVISION[name]
    with torch.device("meta"):
        own = build(load(inspect.getsource(module)).classes[cls], arguments)
        real = vars(module)[cls](**arguments)
    assert facts(trace(own, (3, 224, 224))) == facts(trace(real, (3, 224, 224)))
    values = tuple((name, json.dumps(value)) for name, value in arguments.items())
    found = read(Definition(inspect.getsource(module), cls, values, (3, 224, 224)))
    assert found.trace is not None
    assert found.warnings == ()


def test_torchvisions_vgg_is_read_as_text() -> None:
    module = import_module("torchvision.models.vgg")
    program = load(inspect.getsource(module))
    for key, batch_norm in (("A", False), ("D", True)):
        with torch.device("meta"):
            real = vars(module)["VGG"](vars(module)["make_layers"](vars(module)["cfgs"][key], batch_norm))
            own = build(program.classes["VGG"], {"features": vgg_layers(program, key, batch_norm)})
        assert facts(trace(own, (3, 224, 224))) == facts(trace(real, (3, 224, 224)))


def vgg_layers(program: Program, key: str, batch_norm: bool) -> Any:
    """What the text's own function makes of the text's own table."""
    function = program.classes["VGG"].find("forward")
    assert isinstance(function, Function)
    names = function.scope.names
    with running(Run()):
        return call(names["make_layers"], (names["cfgs"][key], batch_norm), {})


def test_torchvisions_resnet_is_read_as_text() -> None:
    module = import_module("torchvision.models.resnet")
    classes = load(inspect.getsource(module)).classes
    for block, name in (("BasicBlock", "resnet18"), ("Bottleneck", "resnet50")):
        layers = [2, 2, 2, 2] if name == "resnet18" else [3, 4, 6, 3]
        with torch.device("meta"):
            own = build(classes["ResNet"], {"block": classes[block], "layers": layers})
            real: nn.Module = vars(module)[name]()
        assert facts(trace(own, (3, 224, 224))) == facts(trace(real, (3, 224, 224)))


def test_the_first_print_has_a_remark() -> None:
    text = (
        STUDENTS[0]
        .read_text(encoding="utf-8")
        .replace("    def forward(self, x):\n", "    def forward(self, x):\n        print(x.shape)\n")
    )
    line = next(number for number, words in enumerate(text.splitlines(), 1) if "print" in words)
    assert [(remark.line, str(remark.text)) for remark in load(text).remarks] == [
        (line, "print is left out here.")
    ]


@pytest.mark.parametrize("key", architectures.keys())
def test_the_courses_networks_are_read_as_text(key: str) -> None:
    """What a person starts from: the definitions of a network of the course, and the arguments of its class."""
    written, architecture = excerpt(key, {}), architectures.get(key)
    made = ast.parse(written.call, mode="eval").body
    assert isinstance(made, ast.Call)
    values = {str(given.arg): json.dumps(ast.literal_eval(given.value)) for given in made.keywords}
    text = f"{written.imports}\n\n\n{written.definitions}\n"
    with torch.device("meta"):
        expected = trace(architecture.build(), architecture.input_shape)
    found = read(Definition(text, ast.unparse(made.func), tuple(values.items()), architecture.input_shape))
    assert found.trace is not None
    assert facts(found.trace) == facts(expected)
    assert {w.code for w in found.warnings} <= {w.code for w in warnings(expected)}

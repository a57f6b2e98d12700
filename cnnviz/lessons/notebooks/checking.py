"""Cells that are checked: what all notebooks share, the networks, and a question with what PyTorch says to it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from cnnviz.errors import CnnvizError
from cnnviz.language import translate as _
from cnnviz.lessons.exercises.picturing import address, alternative
from cnnviz.lessons.exercises.question import Answer, Question, decimal_text
from cnnviz.lessons.exercises.source import Source, layer_code, line
from cnnviz.notebook import Code, Words
from cnnviz.operations.op import Op
from cnnviz.standalone import excerpt
from cnnviz.tracing.trace import Trace

TORCHVISION = "torchvision:"
SourceOf = Callable[[str], Source]
_AFTER = re.compile(r"  [←→#].*")
_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {"number": "1408", "side": "28", "shape": '"88 x 4 x 4"', "decimal": "0.42", "choice": '"conv1"'}
)


def opening() -> Iterator[Words | Code]:
    """What every notebook begins with: the functions that check answers."""
    yield Words(
        _(
            "It runs in plain PyTorch, without cnnviz. First run the next cell: it defines what checks your answers. "
            "Then write each answer in its cell, and run that and the one after it. The checks let PyTorch do the work: "
            "read them when you have answered."
        )
    )
    texts = {
        "RIGHT": _("Right."),
        "WRONG": _("Not yet."),
        "EMPTY": _("Write your answer into the cell above."),
    }
    words = "\n".join(f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in texts.items())
    helpers = (Path(__file__).parent / "helpers.py.txt").read_text(encoding="utf-8")
    yield Code(f"{helpers.rstrip()}\n\n\n{words}", hidden=True)


class Networks:
    """The networks of a notebook: each has a cell, before it is used for the first time.

    A network whose code is no plain PyTorch, or takes no image, has none.
    """

    def __init__(self, source_of: SourceOf) -> None:
        self._source_of = source_of
        self._known: dict[str, bool] = {}

    def trace(self, name: str) -> Trace:
        """The network as it is."""
        return self._source_of(name).trace

    def has(self, name: str) -> bool:
        """Whether the network has a cell; after :meth:`cells`."""
        return self._known.get(name, False)

    def cells(self, name: str) -> Iterator[Words | Code]:
        """The network's cell, once."""
        if name in self._known:
            return
        code = self._code(name)
        self._known[name] = code is not None
        if code is not None:
            yield Words("## " + _("The network {name}", name=f"`{name}`"))
            yield Code(code)

    def _code(self, name: str) -> str | None:
        traced = self.trace(name)
        if len(traced.input_shape) != 3 or traced.integers_below is not None or len(traced.shapes) > 1:
            return None
        if name.startswith(TORCHVISION):
            imports, definitions = "from torchvision import models", ""
            call = f"models.get_model({name.removeprefix(TORCHVISION)!r}, weights=None)"
        else:
            try:
                found = excerpt(name, {})
            except CnnvizError:
                return None
            imports, definitions, call = found.imports, found.definitions, found.call
        entry = f"NETWORKS[{json.dumps(name)}] = (lambda: {call}), {tuple(traced.input_shape)}"
        return "\n\n\n".join(filter(None, (imports, definitions, entry)))


def asked(question: Question, title: str, number: int, networks: Networks) -> Iterator[Words | Code]:
    """A question, a cell for its answer, and one that checks it."""
    if question.network is not None:
        yield from networks.cells(question.network)
    yield from question_cells(question, title, number, check_of(question, f"answer_{number}", networks))


def question_cells(question: Question, title: str, number: int, check: str) -> Iterator[Words | Code]:
    """A question with its figure and choices, a cell for its answer, and one with the code that checks it."""
    lines = [f"### {title}", str(question.prompt)]
    if question.given:
        lines.append("```python\n" + "\n".join(question.given) + "\n```")
    if question.figure is not None:
        lines.append(f"![{alternative(question.figure)}]({address(question.figure)})")
    if question.described:
        lines.append("\n".join(f"- {question.choice_text(choice)}" for choice in question.choices))
    elif question.choices:
        lines.append("\n".join(f"- `{choice}`" for choice in question.choices))
    yield Words("\n\n".join(lines))
    example = (
        json.dumps(question.choices[0], ensure_ascii=False) if question.choices else _EXAMPLES[question.form]
    )
    hint = _("such as {example}", example=example)
    yield Code(f"answer_{number} = None  # {hint}")
    yield Code(check, hidden=True)


def check_of(question: Question, name: str, networks: Networks) -> str:
    """The code that checks the answer in the variable ``name``: by PyTorch, where it can, else by a digest."""
    make = _CHECKS.get(question.kind)
    code = make(question, networks) if make is not None else None
    return (
        f"check_written({name}, {digest(question.answer)!r})"
        if code is None
        else f"{code}\ncheck({name}, right)"
    )


def digest(answer: Answer) -> str:
    """What is stored of an answer that PyTorch does not tell."""
    if isinstance(answer, tuple):
        text = " ".join(f"{number:.6f}" for number in answer)
    else:
        text = answer if isinstance(answer, str) else f"{answer:.6f}"
    return hashlib.sha256(text.encode()).hexdigest()


# -- what PyTorch says, for each kind of question ---------------------------------------------------------------------


def _op(question: Question, networks: Networks) -> Op | None:
    """The layer that a question is about, if it is a module of a network that the notebook has."""
    if question.network is None or question.layer is None or not networks.has(question.network):
        return None
    op = networks.trace(question.network).op(question.layer)
    return op if op.module is not None else None


def _place(question: Question, op: Op) -> str:
    """The network and the path of the layer, as arguments."""
    return f"{json.dumps(question.network)}, {json.dumps(op.module)}"


def _shape(question: Question, networks: Networks) -> str | None:
    op = _op(question, networks)
    if op is None or question.network is None:
        return None
    before = sum(other.module == op.module for other in networks.trace(question.network).ops[: op.index])
    return f"right = call({_place(question, op)}, {before})[1].shape[1:]"


def _in_features(question: Question, networks: Networks) -> str | None:
    op = _op(question, networks)
    return (
        None
        if op is None
        else f"right = network({json.dumps(question.network)})[0].get_submodule({json.dumps(op.module)}).in_features"
    )


def _parameters(question: Question, networks: Networks) -> str | None:
    op = _op(question, networks)
    return None if op is None else f"right = parameters({_place(question, op)})"


def _multiply_adds(question: Question, networks: Networks) -> str | None:
    op = _op(question, networks)
    return None if op is None else f"right = multiply_adds({_place(question, op)})"


def _most_parameters(question: Question, networks: Networks) -> str | None:
    if question.network is None or _op(question, networks) is None:
        return None
    traced = networks.trace(question.network)
    paths = {choice: traced.op(choice).module for choice in question.choices}
    if None in paths.values():
        return None
    return (
        f"paths = {json.dumps(paths)}\n"
        f"right = max(paths, key=lambda name: parameters({json.dumps(question.network)}, paths[name]))"
    )


def _output_size(question: Question, networks: Networks) -> str | None:
    return f"right = side({question.given[0]}, {question.prompt.values['size']})"


def _field(question: Question, networks: Networks) -> str | None:
    layers = ",\n    ".join(question.given)
    channels = re.search(r"Conv2d\((\d+)", layers)
    return f"right = receptive_field(\n    [\n    {layers},\n    ],\n    {channels[1] if channels else 1},\n)"


def _one_value(question: Question, networks: Networks) -> str | None:
    rows = [re.split(r" {5,}(?=\S| )", row.rstrip()) for row in question.given]
    sides = [[[int(number) for number in part.split()] for part in row] for row in rows]
    patch, kernel = [row[0] for row in sides], [row[1] for row in sides]
    value = f"F.conv2d(patch, kernel).item() + {question.prompt.values.get('bias', 0)}"
    return (
        f"patch = torch.tensor([[{patch}]], dtype=torch.float64)\n"
        f"kernel = torch.tensor([[{kernel}]], dtype=torch.float64)\n"
        f"right = {f'max(0, {value})' if question.level == 3 else value}"
    )


def _weight_update(question: Question, networks: Networks) -> str | None:
    lines = []
    for given in question.given:
        text = re.sub(r"  #.*", "", given)
        name, _sign, value = (part.strip() for part in text.partition("="))
        if name in ("w", "kernel"):
            text = f"{name} = torch.tensor({value}, dtype=torch.float64, requires_grad=True)"
        elif name in ("x", "target"):
            text = f"{name} = torch.tensor({value}, dtype=torch.float64)"
        elif name == "y" and value.startswith("["):
            text = "y = kernel[0] * x[:3] + kernel[1] * x[1:]"
        if "backward" not in text:
            lines.append(text)
    weight = "kernel" if question.level == 3 else "w"
    part = "[0]" if question.level == 3 else ""
    return "\n".join([*lines, "loss.backward()", f"right = ({weight} - lr * {weight}.grad){part}.item()"])


def _broken(question: Question, networks: Networks) -> str | None:
    """The network with the lines of the question that are not its own."""
    if question.network is None or _op(question, networks) is None:
        return None
    written = dict(
        _AFTER.sub("", given).split(" = ", 1) for given in question.given if re.match(r"[\w.]+ = ", given)
    )
    lines = [f"broken, x = network({json.dumps(question.network)})"]
    for op in networks.trace(question.network).ops:
        text = written.get(op.name)
        if op.module is not None and text is not None and f"{op.name} = {text}" != line(op):
            lines.append(f"put(broken, {json.dumps(op.module)}, nn.{text})")
    return "\n".join(lines) if len(lines) == 2 else None


def _breaking_layer(question: Question, networks: Networks) -> str | None:
    code = _broken(question, networks)
    return None if code is None else f"{code}\nright = breaks(broken, x)[0]"


def _mending_number(question: Question, networks: Networks) -> str | None:
    code = _broken(question, networks)
    if code is None or question.prompt.values["argument"] not in (
        "in_features",
        "in_channels",
        "num_features",
    ):
        return None
    place = -1 if question.prompt.values["argument"] == "in_features" else 1
    return f"{code}\nright = breaks(broken, x)[1][{place}]"


_CHECKS: Mapping[str, Callable[[Question, Networks], str | None]] = MappingProxyType(
    {
        "output-size": _output_size,
        "one-value": _one_value,
        "weight-update": _weight_update,
        "shape": _shape,
        "in-features": _in_features,
        "parameters": _parameters,
        "multiply-adds": _multiply_adds,
        "receptive-field": _field,
        "most-parameters": _most_parameters,
        "breaking-layer": _breaking_layer,
        "mending-number": _mending_number,
    }
)


def written_answer(answer: Answer) -> str:
    """An answer as a person would write it into its cell."""
    if isinstance(answer, Decimal):
        return decimal_text(answer)
    return repr(answer)


def changed_layers(trace: Trace, paths: Collection[str]) -> list[str]:
    """The layers at these paths as pairs of a path and code that makes them, of a network that was changed there."""
    found = {op.module: layer_code(op) for op in trace.ops if op.module in paths}
    return [f"({json.dumps(path)}, nn.{layer})" for path, layer in found.items()]

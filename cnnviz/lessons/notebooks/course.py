"""A lesson of the course as a Jupyter notebook: its text, what PyTorch shows of its views, and its questions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlencode

from cnnviz.errors import CnnvizError
from cnnviz.language import translate as _
from cnnviz.lessons.course import asking, lesson
from cnnviz.lessons.course.lesson import Lesson, OfNetwork, OfWindow, Step, Text
from cnnviz.lessons.course.places import in_link
from cnnviz.lessons.exercises.sizes import window_code
from cnnviz.lessons.notebooks.checking import (
    Networks,
    SourceOf,
    asked,
    changed_layers,
    check_of,
    opening,
    question_cells,
)
from cnnviz.notebook import Code, Words, notebook
from cnnviz.shapes.sliding_window import Padding, Window

_USUAL = {"height": 10, "width": 10, "kernel": 3, "stride": 1, "padding": 0, "dilation": 1}
_POOLED = {"kernel": 2, "stride": 2}
_PADDINGS: Mapping[str, Padding] = {"same": "same", "valid": "valid"}
_DIGITS = 4
_POOLINGS = {"max-pooling": "MaxPool2d", "average-pooling": "AvgPool2d"}


def lesson_notebook(shown: Lesson, source_of: SourceOf) -> str:
    """The text of an ``.ipynb`` file with the lesson, in the current language; it runs from top to bottom, answered or not.

    Raises:
        CnnvizError: the lesson asks about a network, a layer or a value that does not exist.
    """
    networks = Networks(source_of)
    cells: list[Words | Code] = [
        Words(f"# {_written(shown.title)}\n\n{_written(shown.goal)}"),
        *opening(),
    ]
    for number, step in enumerate(shown.steps, 1):
        cells += _step(step, number, networks, source_of)
    return notebook(cells)


def _step(step: Step, number: int, networks: Networks, source_of: SourceOf) -> Iterator[Words | Code]:
    yield Words(f"## {number}. {_written(step.title)}\n\n{_written(step.text)}")
    for name in _networks(step, source_of):
        yield from networks.cells(name)
    view = list(_view(step, networks, source_of))
    question = list(_question(step, number, networks, source_of))
    is_first = step.question is not None and step.question.before
    yield from [*question, *view] if is_first else [*view, *question]
    if step.seen is not None:
        yield Words(f"**{_('What you should have seen')}**\n\n{_written(step.seen)}")


def _networks(step: Step, source_of: SourceOf) -> Iterator[str]:
    """The networks that the step's view and question need."""
    if step.view is not None and step.view.page == "architecture":
        yield from (value for name, value in step.view.choices if name == "model")
    if step.question is not None and isinstance(step.question.answer, OfNetwork):
        yield step.question.answer.network
    if step.question is not None and step.question.exercise is not None:
        network = asking.checked(step.question, source_of).network
        yield from [network] if network is not None else []


def _question(step: Step, number: int, networks: Networks, source_of: SourceOf) -> Iterator[Words | Code]:
    if step.question is None:
        return
    checked = asking.checked(step.question, source_of)
    title = _("Before you look") if step.question.before else _("Question")
    if step.question.exercise is not None:
        yield from asked(checked, title, number, networks)
        return
    name = f"answer_{number}"
    of = step.question.answer
    code = _check(of, networks) if isinstance(of, OfNetwork | OfWindow) else None
    check = check_of(checked, name, networks) if code is None else f"{code}\ncheck({name}, right)"
    yield from question_cells(checked, title, number, check)


def _check(of: OfNetwork | OfWindow, networks: Networks) -> str | None:
    """What PyTorch says to a question about a window or a layer."""
    if isinstance(of, OfWindow):
        return f"right = side({window_code(asking.window_of(of), (1, 1))}, {of.size})"
    if of.edits or not networks.has(of.network):
        return None
    traced = networks.trace(of.network)
    op = traced.op(of.layer)
    if op.module is None:
        return None
    place = f"{json.dumps(of.network)}, {json.dumps(op.module)}"
    before = sum(other.module == op.module for other in traced.ops[: op.index])
    if of.value == "shape":
        return f"right = call({place}, {before})[1].shape[1:]"
    if of.value == "params":
        return f"right = parameters({place})"
    if of.value == "macs":
        return f"right = multiply_adds({place})"
    if of.value == "receptive_field":
        return None
    return f"right = network({json.dumps(of.network)})[0].get_submodule({json.dumps(op.module)}).{of.value}"


def _view(step: Step, networks: Networks, source_of: SourceOf) -> Iterator[Words | Code]:
    """What a step shows, as far as a few lines of PyTorch show it; where the app shows it in any case."""
    if step.view is None:
        return
    choices = dict(step.view.choices)
    words = []
    if step.tried is not None:
        words.append(f"**{_('Try it')}** · {_written(step.tried)}")
    address = "?".join(filter(None, (step.view.page, urlencode(in_link(step.view)))))
    words.append(_("In cnnviz: {address}", address=f"`{address}`"))
    yield Words("\n\n".join(words))
    model = choices.get("model", "")
    if step.view.page == "architecture" and networks.has(model):
        yield Code(_described(step.view, model, networks, source_of))
    if step.view.page == "convolution" and step.view.view != "saving":  # which is about networks' own layers
        yield Code(_window(choices))


def _described(view: lesson.View, model: str, networks: Networks, source_of: SourceOf) -> str:
    """The network's layers, or the one that the view is about, with the view's changes."""
    arguments = [json.dumps(model)]
    edits = [value.partition("=") for name, value in view.choices if name == "set"]
    if edits:
        try:
            values = {path: json.loads(value) for path, _sign, value in edits}
            traced = source_of(model).traced(values)
            layers = changed_layers(traced, {path.rpartition(".")[0] for path in values})
        except (CnnvizError, ValueError, RecursionError):  # the page, too, goes on without them
            layers = []
        arguments.append(f"changes=[{', '.join(layers)}]")
    layer = dict(view.choices).get("layer") if view.view == "operation" else None
    module = next((op.module for op in networks.trace(model).ops if op.name == layer), None)
    if module is not None:
        arguments.append(f"only={json.dumps(module)}")
    return f"describe({', '.join(arguments)})"


def _window(choices: Mapping[str, str]) -> str:
    """One layer with the view's window, and the shapes before and after it; what is no number is as usual."""
    kind = choices.get("layer", "")
    pooling, channels = _POOLINGS.get(kind), 3 if kind == "rgb" else 1
    usual = _USUAL | _POOLED if pooling else _USUAL
    sizes = {name: _size(choices.get(name, ""), number) for name, number in usual.items()}
    height, width = sizes.pop("height"), sizes.pop("width")
    window = Window(**sizes, ceil_mode=choices.get("rounding") == "up", pooling=pooling is not None)
    if kind == "average-pooling":  # PyTorch's has none
        window = replace(window, dilation=1)
    if not pooling:
        padding = _PADDINGS.get(choices.get("padding", ""), window.padding)
        window = replace(window, padding=padding, ceil_mode=False)
    return (
        f"layer = {window_code(window, (channels, 1), pooling or '')}\n"
        f"image = torch.rand(1, {channels}, {height}, {width})\n"
        "print(layer)\n"
        'print(tuple(image.shape[1:]), "->", tuple(layer(image).shape[1:]))'
    )


def _size(text: str, usual: int) -> int:
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else usual


def _written(text: Text) -> str:
    return _(text.text).strip()

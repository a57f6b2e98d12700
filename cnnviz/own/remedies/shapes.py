"""Proposals about shapes: a flatten that is missing or takes the batch as well, a view of what was permuted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnnviz.language import Message
from cnnviz.operations.op import MODEL_INPUT
from cnnviz.own.remedies.text import Proposal, Text

_RESHAPES = ("flatten", "view", "reshape", "squeeze")


def of_shapes(text: Text) -> Iterator[Proposal]:
    """Proposals for a network whose forward fails."""
    trace = text.reading.trace
    failure = trace.failure if trace else None
    if trace is None or failure is None:
        return
    sources = [index for index in failure.inputs if index != MODEL_INPUT]
    lines = [trace.lines[index] for index in sources]
    if failure.fix is None:
        yield from _order(text)
        for line in (text.line, *lines):
            yield from kept_batch(text, line)
        if failure.type in ("Linear", "linear"):
            yield from _flatten(text, failure.name)


def _order(text: Text) -> Iterator[Proposal]:
    """``view`` becomes ``reshape``, which copies where it must."""
    for node in _calls(text, text.line):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "view":
            yield reshape_for_view(text, node)


def reshape_for_view(text: Text, node: ast.Call, cures: str | None = None) -> Proposal:
    """``reshape`` in place of the ``view`` that ``node`` calls."""
    assert isinstance(node.func, ast.Attribute)
    words = f"{text.source.segment(node.func.value)}.reshape"
    return Proposal(
        (text.source.replaced(node.func, words),),
        Message("Use reshape, which copies the values where it must."),
        cures,
    )


def _calls(text: Text, line: int | None) -> Iterator[ast.Call]:
    statement = text.simple_at(line)
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.Call):
            yield node


def kept_batch(text: Text, line: int | None, cures: str | None = None) -> Iterator[Proposal]:
    """What flattens or reshapes in ``line`` keeps the batch as its first dimension."""
    for node in _calls(text, line):
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _RESHAPES:
            continue
        owner = text.source.segment(node.func.value)
        is_function = owner == text.known_as("torch")
        if is_function and not node.args:
            continue
        value = text.source.segment(node.args[0]) if is_function else owner
        if node.func.attr in ("view", "reshape") and value.isidentifier():
            words = f"{value}.{node.func.attr}({value}.size(0), -1)"
        elif is_function:
            words = f"{owner}.flatten({value}, 1)"
        else:
            words = f"{value}.flatten(1)"
        yield Proposal(
            (text.source.replaced(node, words),), Message("Keep the batch: {code}.", code=words), cures
        )


def _flatten(text: Text, name: str) -> Iterator[Proposal]:
    """A flatten in front of the linear layer that fails: a line of its own, an argument, or a layer of a list."""
    statement = text.simple_at(text.line)
    layer = name.rpartition(".")[2]
    for node in _calls(text, text.line):
        callee = ast.unparse(node.func)
        if len(node.args) != 1 or not callee.startswith("self."):
            continue
        given = node.args[0]
        if isinstance(given, ast.Name) and statement is not None and callee.endswith(f".{layer}"):
            words = f"{given.id} = {text.flattened(given.id)}"
            yield Proposal(
                (text.source.line_before(statement, words),),
                Message("Flatten before this line: {code}.", code=words),
            )
        elif callee.endswith(f".{layer}"):
            words = text.flattened(text.source.segment(given))
            yield Proposal(
                (text.source.replaced(given, words),), Message("Flatten what {name} is given.", name=name)
            )
    yield from _flatten_layer(text, layer)


def _flatten_layer(text: Text, layer: str) -> Iterator[Proposal]:
    """``nn.Flatten()`` in front of a linear layer in a literal list of layers."""
    flatten = text.written("nn.Flatten")
    if not layer.isdigit() or flatten is None:
        return
    for node in text.source.nodes():
        if isinstance(node, ast.Call) and text.is_layer_class(node.func) == "Sequential":
            first = node.args[0] if len(node.args) == 1 else None
            starred = first.value if isinstance(first, ast.Starred) else None
            parts = starred.elts if isinstance(starred, (ast.List, ast.Tuple)) else node.args
            place = int(layer)
            if place < len(parts) and ast.unparse(parts[place]).partition("(")[0].endswith("Linear"):
                words = f"{flatten}(), {text.source.segment(parts[place])}"
                yield Proposal(
                    (text.source.replaced(parts[place], words),),
                    Message("Put nn.Flatten() before the first linear layer."),
                )

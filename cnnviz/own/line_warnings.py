"""Warnings about a network as text, each with the line that it is about: those of the trace, and those of the text."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from torch import nn

from cnnviz.language import Message
from cnnviz.own.networks import OwnModule
from cnnviz.own.program import Program
from cnnviz.own.runs import Made, Note
from cnnviz.own.values import Function, OwnClass
from cnnviz.shapes.warnings import NetworkWarning, warnings
from cnnviz.tracing.trace import Trace


@dataclass(frozen=True)
class LineWarning(NetworkWarning):
    """A warning, and the ``line`` (from 1) of the text that it is about; None where it is about no line."""

    line: int | None = None


@dataclass(frozen=True)
class Looked:
    """What is looked at: a text, the network that it made, the trace of that, and what was noted on the way."""

    program: Program
    own: OwnClass
    model: nn.Module
    made: Mapping[int, Made]
    notes: tuple[Note, ...]
    trace: Trace
    guessed: bool = False
    """Whether nobody said what the input is like."""


def line_warnings(looked: Looked) -> tuple[LineWarning, ...]:
    """All warnings about a network as text: of the trace first, then of the text, in the order of lines."""
    of_trace = [
        LineWarning(w.code, w.name, w.text, w.reason, w.op, _line(w, looked))
        for w in warnings(looked.trace)
        if not _loss_fits(w)
    ]
    return (*of_trace, *sorted(_of_text(looked), key=lambda warning: warning.line or 0))


def _loss_fits(warning: NetworkWarning) -> bool:
    """Whether it says that log-probabilities need NLLLoss, which an own network is trained with."""
    return warning.code == "softmax-before-loss" and "log-probabilities" in warning.text.template


def with_line(looked: Looked) -> Trace:
    """The trace, whose failure has a line where nothing was raised, too, or not in the text."""
    failure = looked.trace.failure
    if failure is None or failure.line is not None:
        return looked.trace
    own = looked.program.classes.get(failure.type, looked.own)
    return replace(looked.trace, failure=replace(failure, line=_line_of_forward(own, looked.trace)))


def _line_of_forward(own: OwnClass, trace: Trace) -> int:
    """Where the forward of ``own`` goes wrong: at its end where it returned, else where it begins.

    Without one, the method that was meant to be it, else the class.
    """
    forward = next((method for method in methods(own) if method.name == "forward"), None)
    if forward is None:
        named = None if trace.failure is None else trace.failure.reason.values.get("method")
        return next((method.lineno for method in methods(own) if method.name == named), own.line)
    if trace.raised is not None:
        return forward.lineno
    ends = [node for node in ast.walk(forward) if isinstance(node, ast.Return)] or forward.body
    return ends[-1].lineno


# -- lines of what has no op -------------------------------------------------------------------------


def _line(warning: NetworkWarning, looked: Looked) -> int | None:
    if warning.op is not None:
        return looked.trace.lines[warning.op]
    if warning.code == "unused-layer":
        return line_of_layer(warning.name, looked)
    if warning.code == "unregistered":
        return line_of_attribute(warning.name, looked) or _line_of_call(warning.name, looked)
    return None


def line_of_layer(path: str, looked: Looked) -> int | None:
    """The line that makes the layer at ``path``; that of the whole network's class where the text makes it elsewhere."""
    layers = dict(looked.model.named_modules())
    made = looked.made.get(id(layers.get(path)))
    return made.calls[-1].lineno if made is not None and made.calls else None


def line_of_attribute(path: str, looked: Looked) -> int | None:
    """The line that assigns ``self.layers``, for the path ``block.layers``."""
    owner, _, name = path.rpartition(".")
    module = dict(looked.model.named_modules()).get(owner)
    if not isinstance(module, OwnModule):
        return None
    assigned = next(assignments(module.own_class, name), None)
    return None if assigned is None else assigned.lineno


def assignments(own: OwnClass, name: str) -> Iterator[ast.Assign]:
    """The statements that assign ``self.<name>`` in the methods of ``own``, the constructor first."""
    for method in methods(own):
        for node in ast.walk(method):
            if isinstance(node, ast.Assign) and any(is_own(target, name) for target in node.targets):
                yield node


def methods(own: OwnClass) -> list[ast.FunctionDef]:
    """The methods of ``own`` and of the classes of the text that it is derived from, constructors first."""
    found = [
        member.node
        for known in own.ancestry()
        for member in known.members.values()
        if type(member) is Function and member.node is not None
    ]
    return sorted(found, key=lambda node: node.name != "__init__")


def is_own(node: ast.AST, name: str) -> bool:
    """Whether ``node`` is ``self.<name>``."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _line_of_call(layer: str, looked: Looked) -> int | None:
    """The line of a forward that makes a layer of the class ``layer``."""
    for method in (m for own in looked.program.classes.values() for m in methods(own)):
        for node in ast.walk(method) if method.name != "__init__" else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == layer:
                return node.lineno
    return None


# -- what the text alone tells -----------------------------------------------------------------------


def _of_text(looked: Looked) -> Iterator[LineWarning]:
    for note in looked.notes:
        if note.code in _NOTED:
            text, reason = _NOTED[note.code]
            yield LineWarning(note.code, "", text, reason, line=note.line)
    if looked.guessed:
        yield from _rows_for_images(looked.trace)
    for own in looked.program.classes.values():
        for member in own.members.values():
            if type(member) is Function and member.node is not None:
                yield from _returns_in_a_loop(member.node)
                if member.node.name == "__init__":
                    yield from _assigned_twice(member.node)


_SMALLEST_IMAGE = 8
"""Pixels of a side, from which on a row of values is probably an image."""


def _rows_for_images(trace: Trace) -> Iterator[LineWarning]:
    """A network of linear layers that takes a row of as many values as an image has pixels, and no image."""
    values = trace.input_shape[0]
    side = math.isqrt(values)
    if trace.failure or len(trace.input_shape) > 1 or side * side != values or side < _SMALLEST_IMAGE:
        return
    for op, line in zip(trace.ops[:1], trace.lines, strict=False):
        yield LineWarning(
            "rows-for-images",
            op.name,
            Message("{name} takes rows of {values:,} values, not images.", name=op.title, values=values),
            Message("For images of {side} x {side}, flatten them first: x = torch.flatten(x, 1).", side=side),
            op.index,
            line,
        )


_NOTED: Mapping[str, tuple[Message, Message]] = {
    "same-layer-repeated": (
        Message("Multiplying a list repeats the same layer: all its places share one set of weights."),
        Message("Make a layer for each place: [nn.Linear(...) for _ in range(3)]."),
    ),
    "result-dropped": (
        Message("The result of this line is not kept, so the line has no effect."),
        Message("Assign it: x = ..."),
    ),
}


def _returns_in_a_loop(method: ast.FunctionDef) -> Iterator[LineWarning]:
    """A loop that ends in its first turn."""
    for node in ast.walk(method):
        if isinstance(node, ast.For) and isinstance(node.body[-1], ast.Return) and not _skips(node):
            yield LineWarning(
                "return-in-loop",
                "",
                Message("The return is inside the loop, so the loop ends in its first pass."),
                Message("Indent the return like the for."),
                line=node.body[-1].lineno,
            )


def _skips(loop: ast.For) -> bool:
    """Whether some turn may not come to the end of the loop's body."""
    inside = (node for statement in loop.body for node in ast.walk(statement))
    return any(isinstance(node, (ast.Continue, ast.Break)) for node in inside)


def _assigned_twice(method: ast.FunctionDef) -> Iterator[LineWarning]:
    """``self.conv1 = nn.Conv2d(...)`` in two lines that follow each other, the second copied from the first."""
    seen: dict[str, int] = {}
    for statement in method.body:
        named = _layer_assigned(statement)
        if named is None or any(is_own(node, named) for node in ast.walk(statement) if _is_read(node)):
            seen = {name: line for name, line in seen.items() if not _reads(statement, name)}
            continue
        if named in seen:
            yield LineWarning(
                "assigned-twice",
                named,
                Message(
                    "self.{name} is assigned a second time: the layer of line {line} is lost.",
                    name=named,
                    line=seen[named],
                ),
                Message("Give the two layers different names."),
                line=statement.lineno,
            )
        seen = {name: line for name, line in seen.items() if not _reads(statement, name)}
        seen[named] = statement.lineno


def _layer_assigned(statement: ast.stmt) -> str | None:
    """``conv1`` for ``self.conv1 = nn.Conv2d(...)``."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target, value = statement.targets[0], statement.value
    made = isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2][:1].isupper()
    return target.attr if made and isinstance(target, ast.Attribute) and is_own(target, target.attr) else None


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)


def _reads(statement: ast.stmt, name: str) -> bool:
    return any(is_own(node, name) and _is_read(node) for node in ast.walk(statement))

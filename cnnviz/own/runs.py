"""The state of one evaluation: its budget, the line that it is in, what it notices, and how a function or a loop is left."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from torch import nn

from cnnviz.language import Message
from cnnviz.own.library import PLAIN
from cnnviz.own.values import (
    Refused,
    Value,
    type_name,
)
from cnnviz.tracing.lines import lines_from

MOST_STEPS = 100_000


MOST_LAYERS = 2_000


MOST_OPERATIONS = 20_000
"""Of one forward pass."""


MOST_PARAMETERS = 10**10


DEEPEST_CALLS = 40


@dataclass(frozen=True)
class Made:
    """A layer, the class or function that was called for it, and the calls of the text that led there, outermost first."""

    layer: nn.Module
    function: Value
    calls: tuple[ast.Call, ...]


@dataclass
class Run:
    """One evaluation: a constructor or one forward pass."""

    line: int = 0
    """The line (from 1) that is being evaluated."""
    steps: int = 0
    operations: int = 0
    depth: int = 0
    layers: int = 0
    parameters: int = 0
    loading: bool = False
    """Whether classes and constants are being defined, and no network is made yet."""
    calls: list[ast.Call] = field(default_factory=list)
    """The calls of the text that are at work, outermost first."""
    made: dict[int, Made] | None = None
    """By id, which call made a layer; None where nobody asks."""

    def line_of_operation(self) -> int:
        """The line of one more operation, which is being recorded.

        Raises:
            Refused: there were too many.
        """
        self.operations += 1
        if self.operations > MOST_OPERATIONS:
            raise Refused(
                Message("More than {most:,} operations are too many here.", most=MOST_OPERATIONS), self.line
            )
        return self.line

    def note_made(self, value: Value, function: Value) -> None:
        """Remember that calling ``function`` gave ``value``, if that is a layer; the innermost call is the first."""
        if self.made is not None and isinstance(value, nn.Module):
            self.made.setdefault(id(value), Made(value, function, tuple(self.calls)))


_CURRENT: ContextVar[Run | None] = ContextVar("run", default=None)


def the_run() -> Run:
    """The evaluation that is going on in this thread."""
    run = _CURRENT.get()
    assert run is not None
    return run


@contextmanager
def running(run: Run | None = None) -> Iterator[Run]:
    """Evaluate within the block as part of the run that is going on, or of a new one."""
    known = _CURRENT.get()
    if run is None and known is not None:
        yield known
        return
    fresh = run or Run()
    token = _CURRENT.set(fresh)
    try:
        with lines_from(fresh.line_of_operation):
            yield fresh
    finally:
        _CURRENT.reset(token)


class Returned(Exception):  # noqa: N818  control flow, as in Python
    """A ``return`` with its value."""

    def __init__(self, value: Value) -> None:
        self.value = value


class Broken(Exception):  # noqa: N818
    """A ``break``."""


class Continued(Exception):  # noqa: N818
    """A ``continue``."""


FLOW = (Returned, Broken, Continued)


def step(node: ast.expr | ast.stmt) -> Run:
    """Count a step of the run that is going on, which is now at ``node``.

    Raises:
        Refused: there were too many.
    """
    run = _CURRENT.get()  # called for every node, so that a call less counts
    assert run is not None
    run.steps += 1
    if run.steps > MOST_STEPS:
        raise Refused(
            Message("The text takes more than {most:,} steps; is there an endless loop?", most=MOST_STEPS)
        )
    run.line = node.lineno
    return run


def count_layers(made: nn.Module) -> None:
    """Count a layer, or all those of a network that is made as a whole.

    Raises:
        Refused: there are too many.
    """
    run = the_run()
    inside = vars(made)
    if inside["_modules"]:
        layers, parameters = list(made.modules()), list(made.parameters())
    else:  # nearly always
        layers, parameters = [made], [p for p in inside["_parameters"].values() if p is not None]
    run.layers += len(layers)
    run.parameters += sum(parameter.numel() for parameter in parameters if not _is_lazy(parameter))
    if run.layers > MOST_LAYERS:
        raise Refused(Message("More than {most:,} layers are too many here.", most=MOST_LAYERS))
    if run.parameters > MOST_PARAMETERS:
        raise Refused(Message("More than 10 billion parameters are too many here."))


def _is_lazy(parameter: nn.Parameter) -> bool:
    return isinstance(parameter, nn.parameter.UninitializedParameter)


def unknown_syntax(node: ast.AST) -> Refused:
    """The refusal of syntax that the language does not have."""
    words = _WORDS.get(type(node))
    kind = words or type(node).__name__
    return Refused(
        Message(
            "cnnviz does not know {kind}. It knows classes of nn.Module, functions, layers, if, for, while, "
            "arithmetic and calls of PyTorch's functions.",
            kind=kind,
        ),
        getattr(node, "lineno", None),
    )


_WORDS: Mapping[type[ast.AST], Message | str] = {
    ast.Try: "try",
    ast.TryStar: "try",
    ast.Match: "match",
    ast.Global: "global",
    ast.Delete: "del",
    ast.AsyncFunctionDef: Message("async functions"),
    ast.AsyncFor: "async for",
    ast.AsyncWith: "async with",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.With: Message("with, other than torch.no_grad()"),
    ast.NamedExpr: Message("the operator :="),
    ast.Set: Message("sets"),
    ast.SetComp: Message("sets"),
    ast.Import: Message("imports inside a class or function"),
    ast.ImportFrom: Message("imports inside a class or function"),
    ast.ClassDef: Message("classes inside a class or function"),
}


def as_text(value: Value) -> str:
    """What ``str`` makes of a plain value, or of a list of them; of anything else its type."""
    if type(value) in PLAIN:
        return str(value)
    if type(value) in (tuple, list) and all(type(part) in PLAIN for part in value) and len(value) <= 100:
        return str(value)
    if type(value).__name__ == "Size":
        return str(tuple(value))
    raise Refused(Message("A {type} cannot become text here.", type=type_name(value)))


NoteCode = Literal["same-layer-repeated", "result-dropped", "weights-left-out"]


@dataclass(frozen=True)
class Note:
    """What was noticed at the expression that begins in ``line`` (from 1) and ``column`` (in bytes, from 0)."""

    code: NoteCode
    line: int
    column: int


_NOTES: ContextVar[dict[Note, None] | None] = ContextVar("notes", default=None)


@contextmanager
def noting() -> Iterator[dict[Note, None]]:
    """Within the block notes are taken in this thread: the keys of what is yielded, in order, each once."""
    found: dict[Note, None] = {}
    token = _NOTES.set(found)
    try:
        yield found
    finally:
        _NOTES.reset(token)


def note(code: NoteCode, line: int, column: int) -> None:
    """Take a note, if anybody asks for notes."""
    found = _NOTES.get()
    if found is not None:
        found[Note(code, line, column)] = None

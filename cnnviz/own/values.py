"""The values of the closed language, beside Python's plain ones and PyTorch's tensors and layers.

A value is a None, bool, int, float, str, tuple, list, dict or range; a tensor, a size or a layer; or one of the
classes of this file. Nothing else exists in the language: what a table does not make cannot come to be.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from torch import Size, nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.tracing.self_copying import CopiesItself

Value = Any
"""One of the values above."""


class Refused(CnnvizError):  # noqa: N818  what happened to the text
    """What the closed language does not take: in which ``line`` (from 1) of the text, and what to write instead."""

    def __init__(self, message: Message, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class Shared(CopiesItself):
    """A value that cannot change and refers to no layer, so that copies of a network share it."""

    def copied(self, copied: Callable[[Any], Any], memo: dict[int, Any]) -> Self:
        """Itself."""
        return self


@dataclass(frozen=True, eq=False)
class Builtin(Shared):
    """A function that a table names: ``call`` gets values and gives a value."""

    name: str
    call: Callable[..., Value]


@dataclass(frozen=True, eq=False)
class LayerClass(Shared):
    """A class of ``torch.nn`` whose instances the language may make."""

    name: str
    cls: type[nn.Module]


@dataclass(frozen=True, eq=False)
class Namespace(Shared):
    """``torch``, ``nn``, ``F`` and the like: what stands behind their dots."""

    name: str
    entries: Mapping[str, Value]


@dataclass(frozen=True, eq=False)
class ErrorClass(Shared):
    """An exception that ``raise`` and ``assert`` know."""

    name: str
    cls: type[Exception]


@dataclass(frozen=True, eq=False)
class TypeName(Shared):
    """A type that may stand in ``isinstance`` and convert: ``int``, ``list``, ``torch.Tensor``."""

    name: str
    types: tuple[type, ...]
    convert: Callable[..., Value] | None = None


@dataclass(frozen=True, eq=False)
class Constant(Shared):
    """A value of PyTorch's that is only handed on, such as ``torch.float32``."""

    name: str
    value: object


@dataclass(frozen=True, eq=False)
class Missing(Shared):
    """A name that was bound to something that the language does not take; its use says what that was."""

    name: str
    reason: Message
    line: int


@dataclass(eq=False)
class Scope:
    """The names of a function call, and the scope in which the function was written."""

    names: dict[str, Value]
    outer: Scope | None = None
    owner: OwnClass | None = None
    """The class whose method this is, for ``super()``."""
    nonlocals: frozenset[str] = frozenset()


@dataclass(eq=False)
class Function(CopiesItself):
    """A function or method of the text."""

    name: str
    arguments: ast.arguments
    run: Callable[[Scope], Value]
    """Evaluates the body with the names of a call; what it returns."""
    defaults: list[Value]
    keyword_defaults: dict[str, Value]
    scope: Scope
    owner: OwnClass | None = None
    kind: str = "function"
    """``function``, or how a method is decorated: ``staticmethod``, ``classmethod``, ``property``."""
    node: ast.FunctionDef | None = None
    """How it is written; None for a lambda."""

    def copied(self, copied: Callable[[Any], Any], memo: dict[int, Any]) -> Function:
        """One with defaults and variables of its own: a call may change lists and layers among them."""
        new = memo[id(self)] = replace(self)
        new.defaults, new.keyword_defaults = copied(self.defaults), copied(self.keyword_defaults)
        new.scope, new.owner = copied(self.scope), copied(self.owner)
        return new


@dataclass(eq=False)
class BoundMethod:
    """A method together with the instance, list, tensor or class that it was taken from."""

    receiver: Value
    function: Function | Builtin


@dataclass(eq=False)
class Partial:
    """What ``functools.partial`` gives."""

    function: Value
    arguments: tuple[Value, ...]
    keywords: dict[str, Value]


@dataclass(eq=False)
class OwnClass(CopiesItself):
    """A class of the text that is derived from ``nn.Module``."""

    name: str
    line: int
    bases: tuple[OwnClass | LayerClass, ...]
    members: dict[str, Value] = field(default_factory=dict)
    cls: type[nn.Module] | None = None
    """The class of its instances, made by :mod:`cnnviz.own.networks`."""

    def copied(self, copied: Callable[[Any], Any], memo: dict[int, Any]) -> OwnClass:
        """One with members of its own, of whose instances none is there as yet."""
        new = memo[id(self)] = replace(self)
        if self.cls is not None:
            new.cls = type(self.cls.__name__, self.cls.__bases__, {**vars(self.cls), "own_class": new})
        new.bases, new.members = copied(self.bases), copied(self.members)
        return new

    def ancestry(self) -> tuple[OwnClass, ...]:
        """The class itself and the classes of the text that it is derived from, nearest first."""
        found: dict[int, OwnClass] = {id(self): self}
        for base in self.bases:
            if type(base) is OwnClass:
                for known in base.ancestry():
                    found.pop(id(known), None)
                    found[id(known)] = known
        return tuple(found.values())

    def layer_base(self) -> LayerClass | None:
        """The class of PyTorch's that it is derived from."""
        for known in self.ancestry():
            for base in known.bases:
                if type(base) is LayerClass:
                    return base
        return None

    def find(self, name: str, behind: OwnClass | None = None) -> Value | None:
        """The member called ``name``, of the class or the next one behind ``behind``; None where there is none."""
        line = self.ancestry()
        if behind is not None:
            line = line[line.index(behind) + 1 :]
        return next((known.members[name] for known in line if name in known.members), None)


@dataclass(frozen=True, eq=False)
class RecordClass(CopiesItself):
    """A class of the text that only lists settings: the ``fields`` its instances take, and values by name.

    Instead of fields it may have a ``constructor``, which sets them.
    """

    name: str
    fields: tuple[str, ...]
    values: dict[str, Value]
    constructor: Function | None = None

    def copied(self, copied: Callable[[Any], Any], memo: dict[int, Any]) -> RecordClass:
        """One with values of its own."""
        known = memo[id(self)] = replace(self, values={}, constructor=None)
        known.values.update(copied(self.values))
        object.__setattr__(known, "constructor", copied(self.constructor))  # it may refer to the class
        return known


@dataclass(eq=False)
class Record:
    """An instance of a class of settings."""

    kind: RecordClass
    held: dict[str, Value]


@dataclass(eq=False)
class Super:
    """What ``super()`` gives in a method of ``owner``."""

    receiver: Any
    owner: OwnClass


def type_name(value: Value) -> str:
    """What Python calls the type of ``value`` in its messages."""
    if isinstance(value, (Builtin, Function)):
        return "function"
    if isinstance(value, BoundMethod):
        return "method"
    if isinstance(value, (LayerClass, OwnClass, RecordClass, ErrorClass, TypeName)):
        return "type"
    if type(value) is Record:
        return value.kind.name
    if type(value) is Size:
        return "torch.Size"
    return type(value).__name__

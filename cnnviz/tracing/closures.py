"""Functions of a person's own that refer to layers or tensors, bound to the private copies of these.

A lambda may hold a layer in a closure or in a default, a method may name one as a global variable. Such a
function, called on a copy, would run the person's own layer: its hooks, its running statistics.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

from torch import Tensor, nn

ATOMS = frozenset((int, float, str, bool, complex, bytes, type(None)))
"""Types of values that cannot change and refer to nothing."""

_LIBRARIES = ("torch", "torchvision")
"""Their functions refer to no layer of a person's."""


class Functions:
    """Copies of functions; ``copied`` copies whatever else they refer to, ``memo`` has the copies by id."""

    def __init__(self, copied: Callable[[Any], Any], memo: dict[int, Any]) -> None:
        self._copied = copied
        self._memo = memo
        self._of_class: dict[type, Mapping[str, FunctionType]] = {}

    def function(self, function: FunctionType) -> FunctionType:
        """``function`` bound to copies; itself where it refers to no layer and no tensor."""
        known: FunctionType | None = self._memo.get(id(function))
        if known is not None:
            return known
        if not _reaches(function, set()):
            return function
        cells = [(cell, self._new_cell(cell)) for cell in function.__closure__ or ()]
        bound = FunctionType(
            function.__code__,
            self._globals(function),
            function.__name__,
            None,
            tuple(new for _, (new, _) in cells) if cells else None,
        )
        self._memo[id(function)] = bound  # before what it refers to: that may be the function itself
        for cell, (new, fresh) in cells:
            if fresh and _is_full(cell):
                new.cell_contents = self._referred(cell.cell_contents)
        bound.__defaults__ = self._referred(function.__defaults__)
        bound.__kwdefaults__ = self._referred(function.__kwdefaults__)
        vars(bound).update(vars(function))
        bound.__qualname__, bound.__module__ = function.__qualname__, function.__module__
        return bound

    def methods(self, cls: type) -> Mapping[str, FunctionType]:
        """Those methods of ``cls`` that refer to layers or tensors, bound to copies."""
        known = self._of_class.get(cls)
        if known is None:
            self._of_class[cls] = known = {}
            for name, function in _own_methods(cls).items():
                bound = self.function(function)
                if bound is not function:
                    known[name] = bound
        return known

    def _new_cell(self, cell: CellType) -> tuple[CellType, bool]:
        """The copy of a variable that functions may share, and whether it was made just now."""
        known = self._memo.get(id(cell))
        if known is not None:
            return known, False
        self._memo[id(cell)] = new = CellType()
        return new, True

    def _globals(self, function: FunctionType) -> dict[str, Any]:
        """The global variables of a function, those that refer to layers or tensors replaced."""
        original = function.__globals__
        names = [name for name in _global_names(function.__code__) if name in original]
        reaching = [name for name in names if _reaches(original[name], set())]
        if not reaching:
            return original
        found: dict[str, Any] = self._memo.setdefault(id(original), dict(original))
        for name in reaching:
            found[name] = self._copied(original[name])
        return found

    def _referred(self, value: Any) -> Any:
        # What leads to no layer stays what it is: a list that a person's function fills, for one.
        return self._copied(value) if _reaches(value, set()) else value


def is_plain(value: object) -> bool:
    """Whether ``value`` is an object with attributes and no rules of its own about how it is copied."""
    cls = type(value)
    return (
        hasattr(value, "__dict__")
        and cls.__new__ is object.__new__
        and cls.__reduce_ex__ is object.__reduce_ex__
        and cls.__reduce__ is object.__reduce__
        and cls.__getstate__ is object.__getstate__
        and not any(hasattr(cls, name) for name in ("__setstate__", "__deepcopy__", "__slots__"))
    )


def _reaches(value: Any, seen: set[int]) -> bool:
    """Whether a layer or a tensor can be reached from ``value``."""
    if isinstance(value, (Tensor, nn.Module)):
        return True
    if type(value) in ATOMS or id(value) in seen:
        return False
    seen.add(id(value))
    return any(_reaches(part, seen) for part in _parts(value))


def _parts(value: Any) -> Iterable[Any]:
    """What ``value`` refers to."""
    match value:
        case list() | tuple() | set() | frozenset():
            return value
        case dict():
            return value.values()
        case partial():
            return (value.func, *value.args, *value.keywords.values())
        case MethodType():
            return (value.__self__, value.__func__)
        case FunctionType():
            return _parts_of_function(value)
    return vars(value).values() if is_plain(value) else ()


def _parts_of_function(function: FunctionType) -> Iterable[Any]:
    if _is_library(function.__module__):
        return ()
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_full(cell)]
    named = [function.__globals__.get(name) for name in _global_names(function.__code__)]
    return (*cells, *named, function.__defaults__, function.__kwdefaults__)


def _own_methods(cls: type) -> dict[str, FunctionType]:
    """The methods that a person wrote for ``cls``, those of a derived class before those of its bases."""
    found: dict[str, FunctionType] = {}
    for base in cls.__mro__:
        if not _is_library(base.__module__):
            for name, value in vars(base).items():
                if isinstance(value, FunctionType) and not (name.startswith("__") and name.endswith("__")):
                    found.setdefault(name, value)
    return found


def _is_library(module: str | None) -> bool:
    return (module or "").partition(".")[0] in _LIBRARIES


def _is_full(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  the question is whether it raises
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _global_names(code: CodeType) -> frozenset[str]:
    """The names of global variables that ``code`` reads, functions inside of it included."""
    names = {
        str(instruction.argval)
        for instruction in dis.get_instructions(code)
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    inner = (_global_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return frozenset(names).union(*inner)

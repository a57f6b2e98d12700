"""A text, what it was read as, and where in it things stand, for those who propose changes."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cnnviz.language import Message
from cnnviz.own.reading import Reading
from cnnviz.own.rewriting import Edit, Source

BY_CONVENTION = {
    "torch": "import torch",
    "nn": "import torch.nn as nn",
    "F": "import torch.nn.functional as F",
}
"""The names by which PyTorch's modules go, and the lines that import them."""
_MODULE_OF = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional"}


@dataclass(frozen=True)
class Proposal:
    """Edits of a text, and the sentence that says what they do.

    ``cures`` is the code of the warning that they end; None where they mend a failure or a problem.
    """

    edits: tuple[Edit, ...]
    sentence: Message
    cures: str | None = None


@dataclass(frozen=True)
class Text:
    """A text as a syntax tree, and its reading."""

    source: Source
    reading: Reading

    @property
    def line(self) -> int | None:
        """The line (from 1) of the problem or failure."""
        if self.reading.problem is not None:
            return self.reading.problem.line
        failure = self.reading.trace.failure if self.reading.trace else None
        return None if failure is None else failure.line

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        """The classes of the text."""
        return [node for node in self.source.body if isinstance(node, ast.ClassDef)]

    def class_at(self, line: int | None) -> ast.ClassDef | None:
        """The class that ``line`` is in; without one that of the network."""
        found = [node for node in self.classes if line is not None and _holds(node, line)]
        found += [node for node in self.classes if node.name == self.reading.chosen]
        return found[0] if found else None

    def statement_at(self, line: int | None) -> ast.stmt | None:
        """The innermost statement that ``line`` is in."""
        found = None
        for node in self.source.nodes() if line is not None else ():
            if isinstance(node, ast.stmt) and _holds(node, line):
                found = node if found is None or node.lineno >= found.lineno else found
        return found

    def simple_at(self, line: int | None) -> ast.stmt | None:
        """The statement that ``line`` is in, if no other statements are inside of it."""
        found = self.statement_at(line)
        return None if found is None or getattr(found, "body", None) else found

    @cached_property
    def imported(self) -> dict[str, str]:
        """The names that imports bind, and the modules or entries of modules that these are."""
        found: dict[str, str] = {}
        for node in self.source.nodes():
            if isinstance(node, ast.Import):
                found |= {
                    alias.asname or alias.name.partition(".")[0]: alias.name
                    if alias.asname
                    else alias.name.partition(".")[0]
                    for alias in node.names
                }
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return found

    def known_as(self, convention: str) -> str | None:
        """How this text calls ``torch``, ``nn`` or ``F``; None where it does not."""
        module = _MODULE_OF[convention]
        for name, found in self.imported.items():
            if found == module:
                return name
        outer = {"nn": "torch", "F": "nn"}.get(convention)
        above = self.known_as(outer) if outer else None
        return None if above is None else f"{above}.{module.rpartition('.')[2]}"

    def written(self, name: str) -> str | None:
        """``nn.ReLU`` as this text writes it, whatever it calls ``nn``."""
        owner, _, rest = name.partition(".")
        known = self.known_as(owner)
        return None if known is None else f"{known}.{rest}"

    def is_layer_class(self, node: ast.expr) -> str | None:
        """The name in ``torch.nn`` of the class that ``node`` stands for."""
        from cnnviz.own.library import CONTAINERS, LAYERS

        words = ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        owner, _, name = words.rpartition(".")
        known = owner == self.known_as("nn") or self.imported.get(words) == f"torch.nn.{words}"
        return name if known and name in (LAYERS | CONTAINERS) else None

    def flattened(self, value: str) -> str:
        """The expression that flattens ``value``."""
        torch = self.known_as("torch")
        if torch is not None:
            return f"{torch}.flatten({value}, 1)"
        return f"{value}.flatten(1)" if value.isidentifier() else f"({value}).flatten(1)"


def _holds(node: ast.stmt, line: int | None) -> bool:
    return line is not None and node.lineno <= line <= (node.end_lineno or node.lineno)


def method(cls: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    """The method called ``name`` that is written in ``cls``."""
    return next((m for m in cls.body if isinstance(m, ast.FunctionDef) and m.name == name), None)


def methods(cls: ast.ClassDef) -> list[ast.FunctionDef]:
    """The methods that are written in ``cls``."""
    return [member for member in cls.body if isinstance(member, ast.FunctionDef)]


def is_self(node: ast.AST, name: str | None = None) -> bool:
    """Whether ``node`` is ``self.<name>``, or any ``self.<...>``."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and name in (None, node.attr)
    )


def attributes_assigned(cls: ast.ClassDef) -> dict[str, ast.Assign]:
    """The statements ``self.<name> = ...`` of a class by name, the first of each."""
    found: dict[str, ast.Assign] = {}
    for node in ast.walk(cls):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and is_self(target):
                    found.setdefault(target.attr, node)
    return found


def bound_names(function: ast.FunctionDef) -> set[str]:
    """The names that a function binds, its arguments included."""
    spec = function.args
    given = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {argument.arg for argument in given if argument is not None}


def unbound(text: Text, function: ast.FunctionDef) -> Iterator[ast.Name]:
    """The names that a function reads and that nothing binds."""
    outside = {*text.imported, *dir(builtins)}
    for statement in text.source.body:
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
            outside.add(statement.name)
        else:
            outside |= {
                n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
    inside = bound_names(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id not in inside | outside:
            yield node

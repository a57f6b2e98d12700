"""Proposals about names: self forgotten, another spelling, a class that was meant to be a layer."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator

from cnnviz.language import Message
from cnnviz.own.attributes import known_as
from cnnviz.own.library import MODULES, TENSOR_ATTRIBUTES, TENSOR_METHODS
from cnnviz.own.remedies.text import (
    Proposal,
    Text,
    attributes_assigned,
    bound_names,
    is_self,
    method,
    methods,
    unbound,
)
from cnnviz.own.rewriting import Edit
from cnnviz.own.values import Namespace


def of_names(text: Text) -> Iterator[Proposal]:
    """Proposals for a text that gives no network, or one that fails."""
    for cls in text.classes:
        yield from _self_forgotten(text, cls)
    yield from _close_attribute(text)
    yield from _entries(text)
    yield from _bare_names(text)
    yield from _tensor_methods(text)


def _self_forgotten(text: Text, cls: ast.ClassDef) -> Iterator[Proposal]:
    """Layers that are local names of the constructor, or read without self."""
    constructor = method(cls, "__init__")
    own = attributes_assigned(cls)
    local = {} if constructor is None else _locals(constructor)
    wanted: dict[str, list[ast.Name]] = {}
    for function in methods(cls):
        if function is constructor:
            continue
        for node in unbound(text, function):
            if node.id in own or node.id in local or method(cls, node.id) is not None:
                wanted.setdefault(node.id, []).append(node)
        read = [n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute) and is_self(n)]
        for name in local.keys() & set(read) - own.keys():
            wanted.setdefault(name, [])
    edits: list[Edit] = []
    for name, nodes in wanted.items():
        places = [*nodes, *(local.get(name, []) if name not in own else [])]
        edits += [text.source.replaced(place, f"self.{name}") for place in places]
    if edits:
        yield Proposal(
            tuple(edits), Message("Write self. in front of {names}.", names=", ".join(sorted(wanted)))
        )


def _locals(function: ast.FunctionDef) -> dict[str, list[ast.Name]]:
    """The names that a constructor binds by assignments, and all places where it uses them."""
    arguments = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    assigned = {
        target.id
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    found: dict[str, list[ast.Name]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in assigned - arguments & bound_names(function):
            found.setdefault(node.id, []).append(node)
    return found


def _close_attribute(text: Text) -> Iterator[Proposal]:
    """``self.conv1`` where the class has a ``conv``."""
    failure = text.reading.trace.failure if text.reading.trace else None
    values = {} if failure is None else failure.reason.values
    close, name = values.get("close"), values.get("name")
    statement = text.simple_at(text.line)
    if not isinstance(close, str) or not isinstance(name, str) or statement is None:
        return
    cls = text.class_at(text.line)
    nodes = [n for n in ast.walk(cls or statement) if is_self(n, name)]
    edits = [text.source.replaced(n, f"self.{close}") for n in nodes if isinstance(n, ast.Attribute)]
    yield Proposal(
        tuple(edits), Message("Write self.{close} in place of self.{name}.", close=close, name=name)
    )


def _entries(text: Text) -> Iterator[Proposal]:
    """``nn.conv2d``, ``F.ReLU`` and the like, in the whole text at once."""
    if text.reading.problem is None:
        return
    inside = method_names(text)
    edits: list[Edit] = []
    told: list[str] = []
    for node in text.source.nodes():
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        space = MODULES.get(text.imported.get(node.value.id, ""))
        if space is None or node.attr in space.entries:
            continue
        meant = _written(text, space, node.attr, functions_first=inside.get(id(node)) == "forward")
        if meant is not None:
            edits.append(text.source.replaced(node, meant))
            told.append(meant)
    if edits:
        yield Proposal(tuple(edits), Message("Write {code}.", code=", ".join(dict.fromkeys(told))))


def method_names(text: Text) -> dict[int, str]:
    """By id of a node, the name of the method that it is in."""
    return {
        id(node): function.name
        for cls in text.classes
        for function in methods(cls)
        for node in ast.walk(function)
    }


def _written(text: Text, space: Namespace, name: str, functions_first: bool) -> str | None:
    meant = sorted(known_as(space, name), key=lambda full: full.startswith("F.") is not functions_first)
    return next((words for full in meant if (words := text.written(full)) is not None), None)


def _bare_names(text: Text) -> Iterator[Proposal]:
    """``Conv2d`` and ``relu`` that were not imported."""
    edits: list[Edit] = []
    told: list[str] = []
    for name in _unbound_everywhere(text):
        owner = "nn" if name.id in MODULES["torch.nn"].entries else "F"
        words = text.written(f"{owner}.{name.id}") if name.id in MODULES[_FULL[owner]].entries else None
        if words is not None:
            edits.append(text.source.replaced(name, words))
            told.append(words)
    if edits:
        yield Proposal(tuple(edits), Message("Write {code}.", code=", ".join(dict.fromkeys(told))))


_FULL = {"nn": "torch.nn", "F": "torch.nn.functional"}


def _unbound_everywhere(text: Text) -> Iterable[ast.Name]:
    for cls in text.classes:
        yield from (base for base in cls.bases if isinstance(base, ast.Name) and base.id not in text.imported)
        for function in methods(cls):
            yield from unbound(text, function)


def _tensor_methods(text: Text) -> Iterator[Proposal]:
    """``x.veiw``, ``x.size[0]`` and ``x.shape(0)`` in the failing line."""
    statement = text.simple_at(text.line)
    for node in ast.walk(statement) if statement is not None else ():
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "size"
        ):
            words = f"{text.source.segment(node.value)}({text.source.segment(node.slice)})"
            yield Proposal((text.source.replaced(node, words),), Message("Write {code}.", code=words))
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "shape"
        ):
            if len(node.args) == 1:
                words = f"{text.source.segment(node.func)}[{text.source.segment(node.args[0])}]"
                yield Proposal((text.source.replaced(node, words),), Message("Write {code}.", code=words))
        elif isinstance(node, ast.Attribute) and not is_self(node.value) and not is_self(node):
            known = [*TENSOR_METHODS, *TENSOR_ATTRIBUTES]
            if node.attr not in known and text.imported.get(ast.unparse(node.value)) is None:
                for close in difflib.get_close_matches(node.attr, known, n=1, cutoff=0.7):
                    words = f"{text.source.segment(node.value)}.{close}"
                    yield Proposal(
                        (text.source.replaced(node, words),),
                        Message("Write {code}.", code=f".{close}"),
                    )

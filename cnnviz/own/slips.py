"""Slips of the pen in a constructor of a text: what its error means, in words that say what to write."""

from __future__ import annotations

import ast
import re

from cnnviz.language import Message
from cnnviz.own.values import Function, OwnClass
from cnnviz.tracing.mistakes import Slip, without_super

_NEEDS_SUPER = "before Module.__init__() call"
_MISSING = re.compile(
    r"^(\w+)\.__init__\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.*)"
)
_QUOTED = re.compile(r"'(\w+)'")
_INPUTS = frozenset(("x", "input", "inputs", "image", "images", "img", "X"))
"""What people call the input of a network."""
_NO_MODULE = re.compile(r"^([\w.]+) is not a Module subclass")


def slip_in_constructor(own: OwnClass, error: Exception, line: int | None) -> Slip | None:
    """The slip that led to the ``error`` of the constructor of ``own`` in ``line``; None where none is known."""
    words = str(error)
    if _NEEDS_SUPER in words:
        return without_super(_named(own, line))
    if calls_super(own, line):
        return Slip(
            Message("This call of the constructor of nn.Module is not written correctly."),
            Message("Write super().__init__(), with two underscores on both sides."),
        )
    if isinstance(error, TypeError) and _without_self(own) and "0 positional arguments" in words:
        return Slip(
            Message("The constructor of {type} has no argument self.", type=own.name),
            Message("Write def __init__(self):"),
        )
    missing = _MISSING.match(words)
    if missing is not None and missing[1] == own.name:
        return _without_arguments(own, _QUOTED.findall(missing[2]))
    found = _NO_MODULE.match(words)
    if found is None:
        return None
    name = found[1].rpartition(".")[2]
    if name in ("list", "tuple", "generator"):
        return Slip(
            Message("nn.Sequential takes the layers one by one, not a {type}.", type=name),
            Message("Put a star in front: nn.Sequential(*[...])."),
        )
    if "." in found[1]:
        return Slip(
            Message("{name} is the class, not a layer of it.", name=f"nn.{name}"),
            Message("Add the parentheses: {name}().", name=f"nn.{name}"),
        )
    return None


def _without_arguments(own: OwnClass, names: list[str]) -> Slip:
    """The constructor is to be given what ``names`` call: by whoever makes the network, if that is not its input."""
    if names[:1] and names[0] in _INPUTS:
        return Slip(
            Message(
                "The constructor of {type} asks for {name}, but the input is not there yet: only forward gets it.",
                type=own.name,
                name=names[0],
            ),
            Message("Take {name} out of __init__, and call the layers with it in forward.", name=names[0]),
        )
    return Slip(
        Message(
            "The constructor of {type} needs a value for {names}.", type=own.name, names=", ".join(names)
        ),
        Message("Give it one where the network is made, or write a default into the constructor."),
    )


def _without_self(own: OwnClass) -> bool:
    constructor = own.find("__init__")
    return type(constructor) is Function and not constructor.arguments.args


def _named(own: OwnClass, line: int | None) -> type:
    """A class with the name of the one whose constructor ``line`` is in: ``own``, or one whose instance it makes."""
    inside = [known for known in own.ancestry() if _has(known, line)]
    return type((inside or [own])[0].name, (), {})


def _has(own: OwnClass, line: int | None) -> bool:
    return any(
        type(member) is Function
        and member.node is not None
        and line is not None
        and member.node.lineno <= line <= (member.node.end_lineno or 0)
        for member in own.members.values()
    )


def calls_super(own: OwnClass, line: int | None) -> bool:
    """Whether ``line`` of the constructor of ``own`` tries to call that of ``nn.Module``, without arguments for it."""
    for known in own.ancestry():
        constructor = known.members.get("__init__")
        if type(constructor) is Function and constructor.node is not None:
            for statement in constructor.node.body:
                if statement.lineno == line and tries_super(statement):
                    return not any(type(base) is OwnClass for base in known.bases)
    return False


def tries_super(statement: ast.stmt) -> bool:
    """Whether a statement is ``super().__init__()`` or a slip of it: without parentheses, or misspelt."""
    if not isinstance(statement, ast.Expr):
        return False
    node: ast.expr = statement.value
    called: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            called.append(node.attr)
            node = node.value
        else:
            return False
    return node.id == "super" and any("init" in name for name in called)

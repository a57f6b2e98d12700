"""Names: what they are bound to, and which are allowed."""

from __future__ import annotations

import builtins
from functools import lru_cache

from cnnviz.language import Message
from cnnviz.own.library import BUILTINS
from cnnviz.own.values import (
    Missing,
    Refused,
    Scope,
    Value,
)


def bind(name: str, value: Value, scope: Scope) -> None:
    """Bind ``name`` in ``scope``, or where ``nonlocal`` says."""
    check_name(name)
    if name in scope.nonlocals and scope.outer is not None:
        outer: Scope | None = scope.outer
        while outer is not None and name not in outer.names:
            outer = outer.outer
        if outer is not None:
            outer.names[name] = value
            return
    scope.names[name] = value


def lookup(name: str, scope: Scope) -> Value:
    """What ``name`` is bound to.

    Raises:
        NameError: nothing.
        Refused: something that the language does not take.
    """
    check_name(name)
    current: Scope | None = scope
    while current is not None:
        if name in current.names:
            value = current.names[name]
            if type(value) is Missing:
                raise Refused(value.reason)
            return value
        current = current.outer
    if name in BUILTINS:
        return BUILTINS[name]
    if name in _REFUSED_NAMES:
        raise Refused(Message("{name} is not known here.", name=name))
    raise NameError(f"name '{name}' is not defined", name=name)


_REFUSED_NAMES = frozenset(dir(builtins))


@lru_cache(maxsize=4096)
def check_name(name: str) -> None:
    """Refuse a name of Python's own, and letters that look like others."""
    if name.startswith("__") or not name.isascii():
        raise Refused(
            Message(
                "The name {name} is not allowed here: names are written in plain letters, without two underscores "
                "in front.",
                name=name[:40],
            )
        )


def is_free(name: str, scope: Scope) -> bool:
    """Whether the text binds ``name`` nowhere, so that it means what Python means by it."""
    current: Scope | None = scope
    while current is not None:
        if name in current.names:
            return False
        current = current.outer
    return True

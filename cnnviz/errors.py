"""Errors that a person can act on: each message names the value at fault and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from cnnviz.language import Message

_MOST_CHARACTERS = 40
_MOST_NAMES = 40
_ALIKE = 0.6
"""How alike a name must be to be meant, from 0 to 1; ``aux`` for ``auxiliary`` is a beginning, and meant anyway."""


def shortened(value: object) -> str:
    """``value`` as a message quotes it: some 40 characters of a text that may come from a link, of any length."""
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


class CnnvizError(Exception):
    """A problem with what was asked for or with the surroundings, explained in one sentence."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)


class UsageError(CnnvizError):
    """The request itself is wrong (exit status 2 on the command line)."""


class UnknownKeyError(UsageError):
    """A name that is in no registry; the message names the one that was ``meant``, or the closest of the ``known``."""

    def __init__(self, kind: Message, key: str, known: Iterable[str], meant: str | None = None) -> None:
        names = sorted(known)
        quoted = shortened(key)
        close = meant or _closest(quoted, names)
        if close is not None:
            message = Message(
                "Unknown {kind} {key!r}; did you mean {match!r}?", kind=kind, key=quoted, match=close
            )
        elif len(names) > _MOST_NAMES:
            message = Message(
                "Unknown {kind} {key!r}; there are {count:,}, including: {known}.",
                kind=kind,
                key=quoted,
                count=len(names),
                known=", ".join(names[:_MOST_NAMES]),
            )
        else:
            message = Message(
                "Unknown {kind} {key!r}; available: {known}.",
                kind=kind,
                key=quoted,
                known=", ".join(names) or "-",
            )
        super().__init__(message)
        self.key = key


def _closest(key: str, names: list[str]) -> str | None:
    """The name that was probably meant: one that begins as ``key`` does, else one that is written alike."""
    begun = [name for name in names if name.startswith(key)] if len(key) > 1 else []
    found = difflib.get_close_matches(key, begun or names, n=1, cutoff=0.0 if begun else _ALIKE)
    return found[0] if found else None

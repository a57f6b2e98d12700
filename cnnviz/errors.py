"""Errors that a person can act on: each message names the value at fault and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from cnnviz.language import Message

_MOST_CHARACTERS = 40


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
    """A name that is in no registry; the message names the closest one that is."""

    def __init__(self, kind: Message, key: str, known: Iterable[str]) -> None:
        names = sorted(known)
        quoted = shortened(key)
        close = difflib.get_close_matches(quoted, names, n=1, cutoff=0.4)
        if close:
            message = Message(
                "{kind} {key!r} is unknown; did you mean {match!r}?", kind=kind, key=quoted, match=close[0]
            )
        else:
            message = Message(
                "{kind} {key!r} is unknown; there are: {known}.",
                kind=kind,
                key=quoted,
                known=", ".join(names) or "-",
            )
        super().__init__(message)
        self.key = key

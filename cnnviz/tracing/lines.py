"""Which line of a person's text is being evaluated, and from which one an error came. Imports no torch: a worker tells
lines before it has claimed its run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ASKED: ContextVar[Callable[[], int] | None] = ContextVar("line", default=None)
_NOTE = "line_of_text"


@contextmanager
def lines_from(asked: Callable[[], int]) -> Iterator[None]:
    """Within the block ``asked`` tells which line (from 1) is being evaluated in this thread."""
    token = _ASKED.set(asked)
    try:
        yield
    finally:
        _ASKED.reset(token)


def current_line() -> int | None:
    """The line (from 1) that is being evaluated; None where no interpreter is at work."""
    asked = _ASKED.get()
    return None if asked is None else asked()


def note_line(error: BaseException, line: int) -> None:
    """Remember where ``error`` came from; the first to say so is the innermost."""
    vars(error).setdefault(_NOTE, line)


def line_of(error: BaseException | None) -> int | None:
    """The line from which ``error`` came; None where nobody said so."""
    return None if error is None else vars(error).get(_NOTE)

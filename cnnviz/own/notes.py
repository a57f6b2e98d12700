"""What the interpreter notices while it evaluates a text, though nothing is raised: for warnings about a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

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

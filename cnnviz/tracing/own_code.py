"""A person's own code at work: what is neither PyTorch's nor this project's, and the line that an interpreter is in."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

import torch
from torch import nn

NOT_A_PERSONS = tuple(
    f"{folder}{os.sep}" for folder in (Path(torch.__path__[0]), Path(__file__).parent.parent)
)
"""The folders of PyTorch and of this project."""


def written(number: int) -> bool:
    """Whether the person's code at work may have ``number`` from itself: as a literal, a global or an attribute."""
    frame = inspect.currentframe()
    while frame is not None:
        if not frame.f_code.co_filename.startswith(NOT_A_PERSONS):
            return any(type(value) is int and value == number for value in _numbers(frame))
        frame = frame.f_back
    return False


def _numbers(frame: FrameType) -> Iterator[object]:
    for value in frame.f_code.co_consts:
        yield from value if isinstance(value, tuple) else (value,)
    modules = [value for value in frame.f_locals.values() if isinstance(value, nn.Module)]
    for name in frame.f_code.co_names:
        yield frame.f_globals.get(name)
        yield from (vars(module).get(name) for module in modules)


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

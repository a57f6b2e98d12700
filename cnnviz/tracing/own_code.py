"""A person's own code at work: what is neither PyTorch's nor this project's."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
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

"""What the decoder knows of one kind of error, and what it says of one that was pasted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cnnviz.language import Message
from cnnviz.operations.op import Shape

NUMBER = r"(\d{1,9})"
"""A size: of more digits no tensor is."""

SIZES = r"([-\d, x]{1,120})"
"""Sizes in a row: ``2, 1, 28, 28`` or ``10x1x1``."""


@dataclass(frozen=True)
class Reason:
    """What usually leads to an error, likeliest first, and the remedy; ``code`` is a line that mends it."""

    text: Message
    code: str | None = None


@dataclass(frozen=True)
class WrongLinear:
    """A ``Linear(in_features, out_features)`` that received rows of ``received`` values."""

    received: int
    in_features: int
    out_features: int


@dataclass(frozen=True)
class Decoded:
    """What an error says.

    ``error`` is the sentence of PyTorch that was found, ``meaning`` the same in plain words, ``layer`` the
    layer that raised it, as code. Where a Linear does not fit, ``linear`` has its numbers, and ``maps`` are
    pairs of shapes (C, H, W): the maps that arrive, and those that the layer was made for, if both can be
    read as maps of the same number of channels.
    """

    meaning: Message
    reasons: tuple[Reason, ...] = ()
    layer: str | None = None
    linear: WrongLinear | None = None
    maps: tuple[tuple[Shape, Shape], ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Entry:
    """One kind of error: what it is about, how it is found in a text, and what explains it."""

    about: Message
    pattern: re.Pattern[str]
    explain: Callable[[re.Match[str]], Decoded]


def entry(about: Message, pattern: str, explain: Callable[[re.Match[str]], Decoded]) -> Entry:
    """An entry for errors that ``pattern`` finds, each run of spaces and line breaks taken for one space."""
    return Entry(about, re.compile(pattern), explain)


def one_remedy(meaning: Message, text: Message, code: str | None = None, layer: str | None = None) -> Decoded:
    """What is said of an error that has one usual reason: what it means, the remedy, and a line that mends it."""
    return Decoded(meaning, (Reason(text, code),), layer)


def sizes(text: str) -> Shape:
    """The numbers in a text such as ``2, 1, 28, 28`` or ``10x1x1``."""
    return tuple(int(number) for number in re.findall(r"-?\d{1,9}", text))

"""An entry of the error decoder, and the explanation that it gives of a pasted error."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cnnviz.language import Message
from cnnviz.operations.op import Shape

NUMBER = r"(\d{1,9})"
"""A size; no tensor has one with more digits."""

SIZES = r"([-\d, x]{1,120})"
"""Sizes in a row: ``2, 1, 28, 28`` or ``10x1x1``."""


@dataclass(frozen=True)
class Reason:
    """A usual cause of an error and its remedy; ``code`` is a line that fixes it."""

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

    ``error`` is PyTorch's sentence as it was found, ``meaning`` the same in plain words, ``layer`` the
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


Explain = Callable[[re.Match[str]], Decoded]


@dataclass(frozen=True)
class Entry:
    """One kind of error: its title, the pattern that finds it in a text, and the function that explains it."""

    about: Message
    pattern: re.Pattern[str]
    explain: Explain


class Entries(list[Entry]):
    """The entries of one family of errors, in the order in which they were added."""

    def add(self, about: Message, *patterns: str) -> Callable[[Explain], Explain]:
        """Register the function below as the explanation of errors in which one of the ``patterns`` is found.

        They are searched for in a text whose whitespace has been collapsed to single spaces.
        """

        def register(explain: Explain) -> Explain:
            self.extend(Entry(about, re.compile(pattern), explain) for pattern in patterns)
            return explain

        return register


def one_remedy(meaning: Message, text: Message, code: str | None = None, layer: str | None = None) -> Decoded:
    """The explanation of an error with one usual cause: its meaning, the remedy, and a line that fixes it."""
    return Decoded(meaning, (Reason(text, code),), layer)


def sizes(text: str) -> Shape:
    """The numbers in a text such as ``2, 1, 28, 28`` or ``10x1x1``."""
    return tuple(int(number) for number in re.findall(r"-?\d{1,9}", text))

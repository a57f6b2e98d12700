"""An entry of the error decoder, and the explanation that it gives of a pasted error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from cnnviz.language import Message
from cnnviz.operations.op import Shape, shape_text

NUMBER = r"(\d{1,9})"
"""A size; no tensor has one with more digits."""

SIZES = r"([-\d, x]{1,120})"
"""Sizes in a row: ``2, 1, 28, 28`` or ``10x1x1``."""


@dataclass(frozen=True)
class Reason:
    """A usual cause of an error and its remedy; ``code`` is a line that fixes it."""

    text: Message
    code: str | None = None


BATCH_IN_FRONT = "x = x.unsqueeze(0)"
"""The line that gives a single image the batch dimension."""


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
    """One kind of error: its title, the pattern (as text) that finds it, and the function that explains it."""

    about: Message
    text: str
    explain: Explain

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when it is first needed, for five hundred patterns take a second."""
        return compiled(self.text)

    @cached_property
    def word(self) -> str:
        """A word in lower case that every such error contains; to look for it first is fifty times faster."""
        return certain_word(self.text)


class Entries(list[Entry]):
    """The entries of one family of errors, in the order in which they were added."""

    def add(self, about: Message, *patterns: str) -> Callable[[Explain], Explain]:
        """Register the function below as the explanation of errors in which one of the ``patterns`` is found.

        They are searched for in a text whose whitespace has been collapsed to single spaces, in upper or lower
        case; a space of theirs may be missing in the text.
        """

        def register(explain: Explain) -> Explain:
            self.extend(Entry(about, pattern, explain) for pattern in patterns)
            return explain

        return register

    def tell(
        self,
        about: Message,
        *patterns: str,
        means: Message,
        fixes: tuple[Reason, ...],
        layer: str | None = None,
    ) -> None:
        """Register errors that are always explained alike, but for what the groups of their pattern hold.

        A group ``(?P<name>...)`` fills in ``{name}`` in the sentences, in the code and in ``layer``; one whose name
        begins with ``shape`` is written as shapes are.
        """

        def explain(match: re.Match[str]) -> Decoded:
            values = {name: _told(name, text) for name, text in match.groupdict().items()}
            reasons = tuple(Reason(_filled(fix.text, values), _written(fix.code, values)) for fix in fixes)
            return Decoded(_filled(means, values), reasons, _written(layer, values))

        self.add(about, *patterns)(explain)


_PIECE = re.compile(r"(\\.|\[(?:\\.|[^\]\\])*\])| (?![?*+{])")


def compiled(pattern: str) -> re.Pattern[str]:
    """``pattern`` with every space of it optional, upper and lower case alike."""
    return re.compile(_PIECE.sub(lambda piece: piece[1] or " ?", pattern), re.IGNORECASE)


def certain_word(pattern: str) -> str:
    """The longest word that stands in every text that ``pattern`` finds; none where that is not plain to see."""
    text = re.sub(r"\\[\s\S]", "\0", pattern)  # what is escaped is no letter of a word
    text = re.sub(r"\[[^\]]*\]", "\0", text)
    while (simpler := re.sub(r"\([^()]*\)", "\0", text)) != text:
        text = simpler
    if "|" in text:
        return ""
    words = re.findall(r"[a-z]+", re.sub(r".[?*{]", "\0", text.lower()))
    return max(words, key=len, default="")


def _told(name: str, text: str | None) -> str:
    if not text:
        return "?"
    return shape_text(sizes(text)) if name.startswith("shape") else text


def _filled(message: Message, values: Mapping[str, object]) -> Message:
    return Message(message.template, **{**message.values, **values}) if values else message


def _written(code: str | None, values: Mapping[str, object]) -> str | None:
    for name, value in values.items() if code is not None else ():
        code = str(code).replace(f"{{{name}}}", str(value))
    return code


def one_remedy(meaning: Message, text: Message, code: str | None = None, layer: str | None = None) -> Decoded:
    """The explanation of an error with one usual cause: its meaning, the remedy, and a line that fixes it."""
    return Decoded(meaning, (Reason(text, code),), layer)


def sizes(text: str) -> Shape:
    """The numbers in a text such as ``2, 1, 28, 28`` or ``10x1x1``."""
    return tuple(int(number) for number in re.findall(r"-?\d{1,9}", text))

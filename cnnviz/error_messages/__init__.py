"""The error decoder: a pasted error of PyTorch in plain words, with what would produce it and what mends it.

The messages are those of PyTorch 2.14, some of older versions among them; a test provokes each.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cnnviz.error_messages import (
    attributes,
    calls,
    data,
    data_types,
    devices,
    features,
    gradients,
    indexing,
    kinds,
    losses,
    matrices,
    merging,
    modules,
    normalising,
    optimizing,
    recurrent,
    resizing,
    weights,
    windows,
)
from cnnviz.error_messages.entry import Decoded, Entry, Reason, WrongLinear
from cnnviz.error_messages.pasted import readings
from cnnviz.language import Message

__all__ = ["LONGEST", "Decoded", "Reason", "WrongLinear", "decode", "understood"]

LONGEST = 20_000
"""Characters of a pasted text that are read, from its end: a traceback ends with its message."""

_FAMILIES = (
    features,
    recurrent,
    windows,
    resizing,
    normalising,
    merging,
    matrices,
    losses,
    gradients,
    optimizing,
    weights,
    devices,
    data_types,
    data,
    indexing,
    modules,
    attributes,
    calls,
    kinds,
)
"""Where two families know the same words, the first explains them."""

_ENTRIES: tuple[Entry, ...] = tuple(known for family in _FAMILIES for known in family.ENTRIES)


def decode(text: str) -> Decoded | None:
    """What the last error in ``text`` says that the decoder knows; None where it knows none.

    ``text`` may be the message alone or a whole traceback, from a terminal, a notebook, a log or a forum, its lines
    broken anywhere.
    """
    return next((found for reading in readings(text[-LONGEST:]) if (found := _last(reading))), None)


def _last(line: str) -> Decoded | None:
    """The explanation of the last error in a ``line``; of entries that find the same words, the first one's."""
    words = line.lower()
    possible = [known for known in _ENTRIES if known.word in words]
    matches = [(known, match) for known in possible for match in known.pattern.finditer(line)]
    whole = [(known, match) for known, match in matches if not any(_holds(m, match) for _, m in matches)]
    for known, match in sorted(whole, key=lambda found: found[1].start(), reverse=True):
        try:
            return replace(known.explain(match), error=match[0].strip())
        except (
            ArithmeticError,
            IndexError,
            ValueError,
        ):  # sizes that no tensor has: the text was not written by PyTorch
            continue
    return None


def _holds(outer: re.Match[str], inner: re.Match[str]) -> bool:
    """Whether ``inner`` is a part of a longer message, as each key is of "Error(s) in loading state_dict"."""
    return outer.start() < inner.start() and inner.end() <= outer.end()


def understood() -> tuple[Message, ...]:
    """The kinds of error that the decoder knows."""
    return tuple({known.about.template: known.about for known in _ENTRIES}.values())

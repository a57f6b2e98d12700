"""The error decoder: a pasted error of PyTorch in plain words, with what would produce it and what mends it.

The messages are those of PyTorch 2.14, some of older versions among them; a test provokes each.
"""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter

from cnnviz.error_messages import features, merging, normalising, recurrent, training, windows
from cnnviz.error_messages.entry import Decoded, Entry, Reason, WrongLinear
from cnnviz.language import Message

__all__ = ["LONGEST", "Decoded", "Reason", "WrongLinear", "decode", "understood"]

LONGEST = 20_000
"""Characters of a pasted text that are read, from its end: a traceback ends with its message."""

_ENTRIES: tuple[Entry, ...] = (
    *features.ENTRIES,
    *windows.ENTRIES,
    *normalising.ENTRIES,
    *merging.ENTRIES,
    *recurrent.ENTRIES,
    *training.ENTRIES,
)


def decode(text: str) -> Decoded | None:
    """What the last error in ``text`` says that the decoder knows; None where it knows none.

    ``text`` may be the message alone or a whole traceback, its lines broken anywhere between words.
    """
    line = " ".join(text[-LONGEST:].split())
    matches = [(match.start(), known, match) for known in _ENTRIES for match in known.pattern.finditer(line)]
    for _, known, match in sorted(matches, key=itemgetter(0), reverse=True):
        try:
            return replace(known.explain(match), error=match[0])
        except (
            ArithmeticError,
            IndexError,
            ValueError,
        ):  # sizes that no tensor has: the text was not written by PyTorch
            continue
    return None


def understood() -> tuple[Message, ...]:
    """The kinds of error that the decoder knows."""
    return tuple({known.about.template: known.about for known in _ENTRIES}.values())

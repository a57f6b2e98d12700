"""A pasted text as it was before a terminal, a notebook, a log or a forum dressed it up."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COLOURS = re.compile(r"\x1b\[[\d;]*[A-Za-z]|\[(?:\d{1,3}(?:;\d{1,3})*)?m")
"""What colours a terminal, with or without the character that a copy loses."""

_MARGIN = re.compile(
    r"^\s*(?:\[?rank\s?\d+\]?:|E(?=\s{2})|[>|\u2502\u2503]+)\s*|\s*[\u2502\u2503|]\s*$", re.MULTILINE
)
"""What stands at both ends of a line: of pytest, of several processes, of a quotation, of a box around a traceback."""

_PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u00d7": "x",
        "\u200b": None,
        "\ufeff": None,
        **dict.fromkeys("\u256d\u256e\u2570\u256f\u2500\u2501\u2771", " "),
    }
)
_ENTITIES = {"&#39;": "'", "&quot;": '"', "&lt;": "<", "&gt;": ">", "&amp;": "&"}


def readings(text: str) -> Iterator[str]:
    """``text`` in one line: its lines joined by spaces; and joined without, where a terminal broke a word in two."""
    text = _COLOURS.sub("", text).translate(_PLAIN)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    lines = [line.strip() for line in _MARGIN.sub("", text).splitlines()]
    yield " ".join(" ".join(lines).split())
    if len(lines) > 1:
        yield " ".join("".join(lines).split())

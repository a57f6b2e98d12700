"""What a figure consists of, whoever writes it down: polygons, curves and texts. Lengths are points, y grows downwards."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

_WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!()[] ", 0.3),
    **dict.fromkeys("frt-", 0.36),
    **dict.fromkeys("mwMW@%", 0.9),
}
_CAPITAL, _OTHER, _WIDE = 0.68, 0.56, 1.0  # parts of the font's size, as in Helvetica


@dataclass(frozen=True)
class Polygon:
    """A closed polygon; ``fill`` and ``stroke`` are ``#rrggbb``, ``stroke`` may be None."""

    points: tuple[Point, ...]
    fill: str
    stroke: str | None = None


@dataclass(frozen=True)
class Circle:
    """A circle around ``centre``."""

    centre: Point
    radius: float
    fill: str
    stroke: str


@dataclass(frozen=True)
class Curve:
    """Cubic Bézier curves one after the other, the first point first: 1 + 3 n points."""

    points: tuple[Point, ...]
    stroke: str
    width: float = 0.8
    dashed: bool = False


@dataclass(frozen=True)
class Text:
    """One line of text on the baseline ``at``; ``size`` in points."""

    at: Point
    text: str
    size: float
    colour: str
    anchor: Anchor = "middle"
    bold: bool = False


Item = Polygon | Circle | Curve | Text


@dataclass(frozen=True)
class Drawing:
    """A whole figure, in points; ``title`` says in words what it shows."""

    title: str
    width: float
    height: float
    items: tuple[Item, ...]


def text_width(text: str, size: float, bold: bool = False) -> float:
    """About how wide a line is in a font without serifs, in points."""
    return sum(map(_part, text)) * size * (1.06 if bold else 1.0)


def shortened(text: str, size: float, most: float) -> str:
    """``text``, with its middle left out where it would be wider than ``most`` points."""
    if text_width(text, size) <= most:
        return text
    for kept in range(len(text) - 1, 1, -1):
        front = (kept + 1) // 2
        short = f"{text[:front]}…{text[len(text) - kept + front :]}"
        if text_width(short, size) <= most:
            return short
    return text[:1]


def rectangle(x: float, y: float, width: float, height: float) -> tuple[Point, ...]:
    """The corners of an upright rectangle."""
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def mixed(colour: str, other: str, part: float) -> str:
    """``colour`` with ``part`` (0 to 1) of ``other`` in it; both ``#rrggbb``."""
    pairs: Sequence[tuple[int, int]] = [
        (int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _part(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    return _WIDTHS.get(letter, _CAPITAL if letter.isupper() else _OTHER)

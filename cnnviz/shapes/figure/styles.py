"""How the parts of a network look: blocks to scale, or stacks of maps as in the figure of LeNet-5 (LeCun et al. 1998)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Protocol

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.shapes.figure.drawing import (
    Circle,
    Curve,
    Drawing,
    Item,
    Point,
    Polygon,
    Text,
    mixed,
    rectangle,
    shortened,
    text_width,
)
from cnnviz.shapes.figure.layout import Extent, Layout, layout
from cnnviz.shapes.figure.parts import Part, Parts, biggest, is_vector, size_line, sizes

INK, PALE, PAPER = "#333844", "#6b7080", "#ffffff"
_NAME, _SMALL = 7.5, 6.5  # points
_LINE = 8.5
_WIDEST_LABEL = 74.0
_COLUMN_GAP = 13.0
_MARGIN = 8.0
_WIDEST_ROW = 1000.0
_ROW_GAP, _INDENT, _TURN = 24.0, 26.0, 6.0
_BAND = 3.0
_SYMBOL = 8.0
_FOLDED = "#9aa0b0"
_LEGEND_GAP, _NOTE = 16.0, 12.0
_MANY = 3
"""From so many parts above one another on they are drawn smaller."""
_SMALLER = 0.6


class Style(Protocol):
    """How a part looks; what is drawn lies around (0, 0)."""

    def body(self, part: Part) -> tuple[Extent, list[Item]]:
        """What is drawn of a part without its labels, and how far it reaches."""

    def above(self, part: Part) -> str:
        """What stands above the part."""

    def below(self, part: Part) -> tuple[str, ...]:
        """What stands below the part, the first line in bold."""

    def note(self) -> str:
        """What the sizes mean, for the legend."""


class _Scaled:
    """What the sizes of all parts go by: the largest of them, and the ``scale`` of the whole figure."""

    def __init__(self, parts: Sequence[Part], scale: float) -> None:
        self._channels, self._side, self._features = biggest(parts)
        self._scale = scale


class Blocks(_Scaled):
    """Boxes to scale: a box is as high and as deep as its maps, and as thick as there are channels."""

    HEIGHT, THICKNESS, VECTOR = 96.0, 60.0, 80.0  # of the largest
    _DEPTH = 0.38  # of the width, drawn backwards at 45 degrees
    _LEAST = 2.5

    def body(self, part: Part) -> tuple[Extent, list[Item]]:
        """See :class:`Style`."""
        if part.symbol:
            return _symbol(part)
        channels, height, width = sizes(part.shape)
        if is_vector(part.shape):
            return _box(part, 5.0, max(self._LEAST, self.VECTOR * channels / self._features), 0.0)
        side = self.HEIGHT * self._scale / self._side
        return _box(
            part,
            max(self._LEAST, self.THICKNESS * self._scale * channels / self._channels),
            max(self._LEAST, side * height),
            self._DEPTH * side * width if width > 1 else 0.0,
        )

    def above(self, part: Part) -> str:
        """See :class:`Style`."""
        return ""

    def below(self, part: Part) -> tuple[str, ...]:
        """See :class:`Style`."""
        return (*part.lines, size_line(part.shape))

    def note(self) -> str:
        """See :class:`Style`."""
        return _(
            "To scale: height and depth of a box are those of the maps, its thickness their number; a vector is as tall as it "
            "has values."
        )


class LeNet(_Scaled):
    """Stacks of maps; a vector is a long thin box."""

    HEIGHT, VECTOR = 62.0, 90.0
    _STEP = 3.0
    _MOST_SHEETS = 11

    def body(self, part: Part) -> tuple[Extent, list[Item]]:
        """See :class:`Style`."""
        if part.symbol:
            return _symbol(part)
        channels, height, width = sizes(part.shape)
        if is_vector(part.shape):
            return _box(part, 4.0, max(6.0, self.VECTOR * _root(channels / self._features)), 5.0)
        side = self.HEIGHT * self._scale
        tall = max(7.0, side * _root(height / self._side))
        wide = max(3.0, side * _root(width / self._side)) if width > 1 else 4.0
        return self._stack(part, min(self._MOST_SHEETS, 1 + round(math.log2(channels))), wide, tall)

    def _stack(self, part: Part, sheets: int, wide: float, tall: float) -> tuple[Extent, list[Item]]:
        spread = self._STEP * (sheets - 1)
        left, top = -(wide + spread) / 2, -(tall + spread) / 2
        fill, edge = _fill(part), _edge(part)
        items: list[Item] = []
        for sheet in range(sheets):
            shift = self._STEP * sheet
            colour = mixed(fill, PAPER, 0.55 if sheet < sheets - 1 else 0.3)
            items.append(Polygon(rectangle(left + shift, top + shift, wide, tall), colour, edge))
        right = left + spread + wide
        for number, kind in enumerate(part.attached):
            items.append(
                Polygon(
                    rectangle(
                        right - _BAND * (len(part.attached) - number) - 1,
                        top + spread + 1,
                        _BAND,
                        max(tall - 2, 1),
                    ),
                    palette.kind(kind).light,
                )
            )
        return Extent(-left, right, -top, top + spread + tall), items

    def above(self, part: Part) -> str:
        """See :class:`Style`."""
        if part.symbol:
            return ""
        if is_vector(part.shape) or len(part.shape) < 3:
            return size_line(part.shape)
        return f"{part.shape[0]}@" + "x".join(map(str, part.shape[1:]))

    def below(self, part: Part) -> tuple[str, ...]:
        """See :class:`Style`."""
        return part.lines

    def note(self) -> str:
        """See :class:`Style`."""
        return _("6@28x28: 6 maps of 28 x 28; the more maps, the more sheets.")


STYLES: Mapping[str, tuple[Message, type[Blocks] | type[LeNet]]] = MappingProxyType(
    {"blocks": (Message("Blocks to scale"), Blocks), "lenet": (Message("Like LeNet"), LeNet)}
)
"""The styles by their keys, with what they are called."""


def drawing(parts: Parts, style: str, title: str) -> Drawing:
    """The figure of ``parts`` in a style of :data:`STYLES`."""
    abreast = max(Counter(parts.ranks()).values())
    painter = STYLES[style][1](parts.parts, 1.0 if abreast < _MANY else _SMALLER)
    placed = [_Placed.of(part, painter) for part in parts.parts]
    ranks = parts.ranks()
    laid = layout([one.extent for one in placed], ranks, parts.edges, _COLUMN_GAP)
    rows = _Rows(placed, ranks, laid)
    items: list[Item] = []
    for edge in parts.edges:
        items += _arrow(rows.stops(edge), edge in parts.shortcuts)
    for number, one in enumerate(placed):
        items += [_moved(item, rows.middle(number)) for item in one.items]
    legend = [
        _moved(item, (_MARGIN, rows.bottom + _LEGEND_GAP)) for item in _legend(parts.parts, painter.note())
    ]
    width = max(rows.right, *map(_right, legend)) + _MARGIN
    height = rows.bottom + _LEGEND_GAP + _NOTE + _MARGIN
    return Drawing(title, width, height, (*items, *legend))


@dataclass(frozen=True)
class _Placed:
    """A part as it looks around (0, 0); ``body`` is how far it reaches without its labels."""

    extent: Extent
    body: Extent
    items: tuple[Item, ...]

    @classmethod
    def of(cls, part: Part, style: Style) -> _Placed:
        body, items = style.body(part)
        above, below = (
            style.above(part),
            [shortened(line, _SMALL, _WIDEST_LABEL) for line in style.below(part)],
        )
        items = [*items, *_labels(body, above, below)]
        half = max(
            [text_width(above, _SMALL) / 2, *(text_width(line, _NAME, bold=True) / 2 for line in below[:1])]
            + [text_width(line, _SMALL) / 2 for line in below[1:]]
        )
        up = body.up + (_LINE if above else 0.0)
        return cls(
            Extent(max(body.left, half), max(body.right, half), up, body.down + _LINE * len(below) + 2),
            body,
            tuple(items),
        )


def _labels(body: Extent, above: str, below: Sequence[str]) -> list[Item]:
    found: list[Item] = []
    if above:
        found.append(Text((0.0, -body.up - 3), above, _SMALL, INK))
    for number, line in enumerate(below):
        first = number == 0
        found.append(
            Text(
                (0.0, body.down + _LINE * (number + 1) - 0.5),
                line,
                _NAME if first else _SMALL,
                INK if first else PALE,
                bold=first,
            )
        )
    return found


def _box(part: Part, thick: float, tall: float, deep: float) -> tuple[Extent, list[Item]]:
    """A box with its front to the left: ``thick`` to the right, ``tall``, and ``deep`` drawn backwards; what is attached
    is a slice at its right end.
    """
    bands = [palette.kind(kind).light for kind in part.attached]
    whole = thick + _BAND * len(bands)
    left, top = -(whole + deep) / 2, -(tall - deep) / 2
    items: list[Item] = []
    x = left
    slices = [(thick, _fill(part)), *((_BAND, band) for band in bands)]
    for wide, colour in slices:
        items += [
            Polygon(rectangle(x, top, wide, tall), colour, _edge(part)),
            Polygon(
                ((x, top), (x + deep, top - deep), (x + wide + deep, top - deep), (x + wide, top)),
                mixed(colour, PAPER, 0.35),
                _edge(part),
            ),
        ]
        x += wide
    if deep:
        side = mixed(_fill(part), "#000000", 0.22)
        items.append(
            Polygon(
                ((x, top), (x + deep, top - deep), (x + deep, top - deep + tall), (x, top + tall)),
                side,
                _edge(part),
            )
        )
    return Extent(-left, x + deep, deep - top, top + tall), items


def _symbol(part: Part) -> tuple[Extent, list[Item]]:
    """A circle with the symbol of an operation, what is attached beside it."""
    r, bands = _SYMBOL, len(part.attached)
    fill = palette.kind(part.kind or "merge").light
    items: list[Item] = [
        Circle((0.0, 0.0), r, mixed(fill, PAPER, 0.35), _edge(part)),
        Text((0.0, 3.6), part.symbol, 11.0, INK, bold=True),
    ]
    for number, kind in enumerate(part.attached):
        items.append(
            Polygon(
                rectangle(r + 2 + _BAND * number, -r, _BAND, 2 * r), palette.kind(kind).light, _edge(part)
            )
        )
    return Extent(r, r + (2 + _BAND * bands if bands else 0.0), r, r), items


def _fill(part: Part) -> str:
    if part.is_input:
        return "#e4e6ec"
    return _FOLDED if part.kind is None else palette.kind(part.kind).light


def _edge(part: Part) -> str:
    return mixed(_fill(part), "#000000", 0.45)


def _root(part: float) -> float:
    return math.sqrt(part)


class _Rows:
    """Where everything is once a figure that is too wide goes on in further rows."""

    def __init__(self, placed: Sequence[_Placed], ranks: Sequence[int], laid: Layout) -> None:
        self._placed, self._ranks, self._laid = placed, ranks, laid
        self._rows = laid.rows(_WIDEST_ROW)
        self._shifts: list[Point] = []
        self._tops: list[float] = []
        self.right, self.bottom = 0.0, _MARGIN
        for row in range(max(self._rows) + 1):
            self._add(row)

    def _add(self, row: int) -> None:
        """Put a row below the ones before."""
        columns = [number for number, its in enumerate(self._rows) if its == row]
        reach = [
            (y - one.extent.up, y + one.extent.down)
            for one, (_x, y), rank in zip(self._placed, self._laid.middles, self._ranks, strict=True)
            if rank in columns
        ]
        passing = [
            (point[1] - 2, point[1] + 2)
            for edge, way in self._laid.ways.items()
            if self._rows[self._ranks[edge[1]]] == row
            for point, _half in way
        ]
        top, bottom = min(y for y, _ in reach + passing), max(y for _, y in reach + passing)
        if row:
            self.bottom += _ROW_GAP
        left = _MARGIN + (_INDENT if row else 0.0)
        self._shifts.append((left - self._laid.columns[columns[0]][0], self.bottom - top))
        self._tops.append(self.bottom)
        self.right = max(
            self.right, left + self._laid.columns[columns[-1]][1] - self._laid.columns[columns[0]][0]
        )
        self.bottom += bottom - top

    def middle(self, number: int) -> Point:
        """The middle of a part."""
        return self._at(self._laid.middles[number], self._row(number))

    def stops(self, edge: tuple[int, int]) -> list[Point]:
        """Where an edge begins and ends, and what it goes through in between, in pairs of points on a level."""
        a, b = edge
        (x, y), (x_end, y_end) = self.middle(a), self.middle(b)
        stops = [(x + self._placed[a].body.right + 1, y), (self._end_of_column(a, 1), y)]
        row = self._row(b)
        if row != self._row(a):
            stops += self._to_the_next(stops[-1], row)
        for point, half in self._laid.ways[edge]:
            x, y = self._at(point, row)
            stops += [(x - half, y), (x + half, y)]
        return [*stops, (self._end_of_column(b, 0), y_end), (x_end - self._placed[b].body.left - 1, y_end)]

    def _to_the_next(self, start: Point, row: int) -> list[Point]:
        """From the end of a row to the left of the next."""
        down = self._tops[row] - _ROW_GAP / 2
        first = self._rows.index(row)
        heights = [y for (_x, y), rank in zip(self._laid.middles, self._ranks, strict=True) if rank == first]
        y = self._at((0.0, (min(heights) + max(heights)) / 2), row)[1]
        out, back = start[0] + _TURN, _MARGIN + _TURN
        return [(out, start[1]), (out, down), (back, down), (back, y)]

    def _end_of_column(self, number: int, side: int) -> float:
        """The left (0) or right (1) end of the column of a part: up to there an edge stays above the labels."""
        return self._at((self._laid.columns[self._ranks[number]][side], 0.0), self._row(number))[0]

    def _row(self, number: int) -> int:
        return self._rows[self._ranks[number]]

    def _at(self, point: Point, row: int) -> Point:
        dx, dy = self._shifts[row]
        return point[0] + dx, point[1] + dy


def _arrow(stops: Sequence[Point], dashed: bool) -> list[Item]:
    """The curve through the ``stops``, with a head at its end."""
    tip = stops[-1]
    points = [stops[0]]
    for (x0, y0), (x1, y1) in pairwise([*stops[:-1], (tip[0] - 3.5, tip[1])]):
        bend = (x1 - x0) / 2
        points += [(x0 + bend, y0), (x1 - bend, y1), (x1, y1)]
    return [
        Curve(tuple(points), PALE, 1.0 if dashed else 0.8, dashed),
        Polygon((tip, (tip[0] - 4.5, tip[1] - 2.2), (tip[0] - 4.5, tip[1] + 2.2)), PALE),
    ]


def _legend(parts: Sequence[Part], note: str) -> list[Item]:
    """The kinds that occur, each with its colour, and what the sizes mean; the baseline is at y = 0."""
    kinds = [part.kind for part in parts if part.kind] + [kind for part in parts for kind in part.attached]
    items: list[Item] = []
    x = 0.0
    entries = [(str(style.title), style.light) for kind, style in palette.KINDS.items() if kind in kinds]
    if any(part.kind is None and not part.is_input for part in parts):
        entries.append((_("Folded block"), _FOLDED))
    for title, colour in entries:
        items += [
            Polygon(rectangle(x, -6.0, 7.0, 7.0), colour),
            Text((x + 10, 0.0), title, _SMALL, INK, "start"),
        ]
        x += 10 + text_width(title, _SMALL) + 12
    items.append(Text((0.0, _NOTE), note, _SMALL, PALE, "start"))
    return items


def _right(item: Item) -> float:
    if isinstance(item, Text):
        return item.at[0] + text_width(item.text, item.size)
    return max(x for x, _y in item.points) if isinstance(item, Polygon) else 0.0


def _moved(item: Item, by: Point) -> Item:
    dx, dy = by
    if isinstance(item, Polygon):
        return Polygon(tuple((x + dx, y + dy) for x, y in item.points), item.fill, item.stroke)
    if isinstance(item, Curve):
        points = tuple((x + dx, y + dy) for x, y in item.points)
        return Curve(points, item.stroke, item.width, item.dashed)
    if isinstance(item, Circle):
        return Circle((item.centre[0] + dx, item.centre[1] + dy), item.radius, item.fill, item.stroke)
    return Text((item.at[0] + dx, item.at[1] + dy), item.text, item.size, item.colour, item.anchor, item.bold)

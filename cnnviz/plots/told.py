"""What a figure shows, for those who do not see it or want its numbers: in words, and as a table.

Both are read off plotly's figure, so that they cannot say anything else than what is drawn. A trace whose ``meta`` is a
list names with it the columns of its ``customdata``, which then say what each point or cell is, in place of its
coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnviz.language import sentences
from cnnviz.language import translate as _

if TYPE_CHECKING:
    import plotly.graph_objects as go

Table = Mapping[str, Sequence[Any]]
"""The columns of a table by their titles, all of the same length; None in cells that are empty."""

_LISTED = 12  # points of a trace whose values are all said
_MOST_SAID = 8  # traces


@dataclass(frozen=True)
class Told:
    """A figure in ``words``, and what makes a ``table`` of it when somebody asks for one; None for a mere picture."""

    words: str
    table: Callable[[], Table] | None

    @classmethod
    def of(cls, figure: go.Figure) -> Told:
        """What is read off ``figure``."""
        has_numbers = any(True for _line in (*_plain(figure), *_heat_maps(figure), *_rectangles(figure)))
        return cls(in_words(figure), (lambda: as_table(figure)) if has_numbers else None)


@dataclass(frozen=True)
class _Line:
    """The points of one trace: what each is called, and its value.

    ``sorts`` says that they are called by numbers on an axis; ``bounds`` are those of an error bar.
    """

    name: str
    keys: tuple[str, ...]
    places: tuple[Sequence[Any], ...]
    values: NDArray[Any]
    percent: bool
    sorts: bool
    bounds: tuple[NDArray[Any], NDArray[Any]] | None = None


def in_words(figure: go.Figure) -> str:
    """The title of ``figure``, its axes and its main numbers, in the current language."""
    lines, cells = _lines(figure), list(_heat_maps(figure))
    parts = [_title(figure)]
    if lines and not cells:
        parts.append(_axes(figure))
    parts += [_told_line(line) for line in lines[:_MOST_SAID]]
    if len(lines) > _MOST_SAID:
        parts.append(_("And {count:,} more.", count=len(lines) - _MOST_SAID))
    parts += [_told_cells(trace) for trace in cells]
    parts += [_told_rectangle(trace) for trace in _rectangles(figure)]
    return sentences(parts)


def as_table(figure: go.Figure) -> Table:
    """The numbers of ``figure``: a row for each point, or for each row of a heat map; empty where it has none."""
    rectangles = list(_rectangles(figure))
    if rectangles:
        return _of_rectangles(rectangles)
    cells = list(_heat_maps(figure))
    return _of_cells(cells[0]) if cells else _of_lines(_lines(figure))


def _title(figure: go.Figure) -> str:
    title = figure.layout.title.text or ""
    return _("{title}.", title=title) if title and title[-1] not in ".。!?" else str(title)


# -- lines, points and bars -------------------------------------------------------------------------------------


def _plain(figure: go.Figure) -> Iterator[Any]:
    """The traces of points and bars: not what only writes numbers beside others, or guides the eye."""
    for trace in figure.data:
        guides = trace.type == "scatter" and (trace.mode == "text" or trace.fill == "toself")
        if trace.type in ("scatter", "bar") and not guides and trace.hoverinfo != "skip":
            yield trace


def _lines(figure: go.Figure) -> list[_Line]:
    return [_line(figure, trace) for trace in _plain(figure)]


def _line(figure: go.Figure, trace: Any) -> _Line:
    y = np.asarray(trace.y)
    x = np.arange(len(y)) if trace.x is None else np.asarray(trace.x)
    across = trace.orientation == "h" or (x.dtype.kind in "fiu" and y.dtype.kind not in "fiuO")
    place_axis, value_axis = (
        _axis(figure, trace, "y" if across else "x"),
        _axis(figure, trace, "x" if across else "y"),
    )
    places, values = (y, x) if across else (x, y)
    error = trace.error_x if across else trace.error_y
    bounds = None
    if error.array is not None:
        above = np.asarray(error.array, float)
        below = above if error.arrayminus is None else np.asarray(error.arrayminus, float)
        bounds = values - below, values + above
    keys, named = _named(figure, trace, place_axis, places)
    title = str(value_axis.title.text or _("value"))
    percent = "%" in (value_axis.tickformat or "")
    sorts = trace.meta is None and places.dtype.kind in "fiu" and named[0] == places.tolist()
    return _Line(str(trace.name or title), keys, named, _floats(values), percent, sorts, bounds)


def _named(
    figure: go.Figure, trace: Any, axis: Any, places: NDArray[Any]
) -> tuple[tuple[str, ...], tuple[Sequence[Any], ...]]:
    """What the points of a trace are called: the titles of what names them, and the names."""
    if isinstance(trace.meta, (list, tuple)):
        told = np.asarray(trace.customdata, dtype=object).reshape(len(places), -1)
        return tuple(trace.meta), tuple(told[:, column].tolist() for column in range(len(trace.meta)))
    title = axis.title.text or figure.layout.xaxis.title.text
    names = places.tolist()
    if axis.ticktext is not None:
        texts = dict(zip(np.asarray(axis.tickvals).tolist(), axis.ticktext, strict=False))
        names = [texts.get(name, name) for name in names]
    return (str(title or _("place")),), (names,)


def _axis(figure: go.Figure, trace: Any, letter: str) -> Any:
    name = getattr(trace, f"{letter}axis") or letter
    return figure.layout[f"{letter}axis{name[1:]}"]


def _floats(values: NDArray[Any]) -> NDArray[Any]:
    """As numbers: None is not a number."""
    return values.astype(float) if values.dtype == object else values


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    """As a table shows them: float32 in as few digits as tell it apart."""
    return values.astype(str).astype(float) if values.dtype == np.float32 else _floats(values)


def _axes(figure: go.Figure) -> str:
    """What the axes mean that have a title."""
    x, y = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    told = [_("Horizontal axis: {title}.", title=x)] if x else []
    return sentences(told + ([_("Vertical axis: {title}.", title=y)] if y else []))


def _told_line(line: _Line) -> str:
    there = np.flatnonzero(~np.isnan(line.values.astype(float)))
    if not there.size:
        return _("{name}: no data yet.", name=line.name)
    if there.size <= _LISTED:
        listed = "; ".join(": ".join(_point(line, index)) for index in there.tolist())
        return _("{name} ({listed}).", name=line.name, listed=listed)
    kept = line.values[there]
    ends = there[[0, -1, int(kept.argmin()), int(kept.argmax())]].tolist()
    (first_place, first), (last_place, last), (low_place, low), (high_place, high) = (
        _point(line, index) for index in ends
    )
    return _(
        "{name}: {count:,} values, from {first} at {first_place} to {last} at {last_place}; the lowest is {low} at "
        "{low_place}, the highest {high} at {high_place}.",
        name=line.name,
        count=there.size,
        first=first,
        first_place=first_place,
        last=last,
        last_place=last_place,
        low=low,
        low_place=low_place,
        high=high,
        high_place=high_place,
    )


def _point(line: _Line, index: int) -> tuple[str, str]:
    """What a point is called, and its value."""
    return _joined([column[index] for column in line.places]), _value(line.values[index].item(), line.percent)


def _of_lines(lines: Sequence[_Line]) -> Table:
    """All ``lines`` beside each other, a row for each place that any of them has."""
    if not lines:
        return {}
    rows: dict[tuple[Any, ...], int] = {}
    for line in lines:
        for place in zip(*line.places, strict=True):
            rows.setdefault(place, len(rows))
    order = list(rows)
    if all(line.sorts for line in lines):
        order.sort()
    at = {place: row for row, place in enumerate(order)}
    table: dict[str, list[Any]] = {
        key: [place[column] for place in order] for column, key in enumerate(lines[0].keys)
    }
    for line in lines:
        columns = {line.name: _numbers(line.values)}
        if line.bounds is not None:
            columns[_("lower bound")], columns[_("upper bound")] = line.bounds
        for title, values in columns.items():
            column: list[Any] = [None] * len(order)
            for place, value in zip(zip(*line.places, strict=True), values.tolist(), strict=True):
                column[at[place]] = None if _is_missing(value) else value
            table[_free(title, table)] = column
    return table


def _free(title: str, table: Table) -> str:
    """``title``, with a number behind it if there is such a column already."""
    number = 2
    free = title
    while free in table:
        free, number = f"{title} ({number})", number + 1
    return free


# -- heat maps --------------------------------------------------------------------------------------------------


def _heat_maps(figure: go.Figure) -> Iterator[Any]:
    return (trace for trace in figure.data if trace.type == "heatmap" and trace.hoverinfo != "skip")


def _z(trace: Any) -> NDArray[Any]:
    """The numbers of the cells, of which the colours may show the powers of ten."""
    z = np.asarray(trace.z)
    return z if trace.colorbar.tickprefix is None else 10.0**z


def _named_cells(trace: Any) -> dict[str, NDArray[Any]]:
    """Of every cell that is not a gap, by title: what it is called, and its number or its numbers.

    They are in the order of their names: on the picture a row goes through all tiles that stand side by side.
    """
    there = ~np.isnan(np.asarray(trace.z, float))
    told = np.asarray(trace.customdata)[there]
    order = np.lexsort(told.T[::-1])
    cells = {title: _whole(_numbers(told[order, column])) for column, title in enumerate(trace.meta)}
    if trace.opacity != 0:  # else it lies unseen over a picture, whose numbers it tells as names
        cells[_("value")] = _numbers(_z(trace)[there][order])
    return cells


def _whole(numbers: NDArray[Any]) -> NDArray[Any]:
    """Channels, rows and columns, which stand among weights as float32, as whole numbers."""
    whole = numbers.astype(np.int64)
    return whole if (whole == numbers).all() else numbers


def _told_cells(trace: Any) -> str:
    z = _z(trace)
    if trace.opacity == 0:
        z = np.asarray(trace.customdata)[~np.isnan(z)][:, -3:]  # red, green and blue
    there = z[~np.isnan(z)]
    if not there.size:
        return ""
    return _(
        "{count:,} values from {low} to {high}.",
        count=there.size,
        low=_value(there.min().item(), False),
        high=_value(there.max().item(), False),
    )


def _of_cells(trace: Any) -> Table:
    """A row for each cell where its names are known; else as it is drawn, row by row."""
    if isinstance(trace.meta, (list, tuple)):
        return {title: values.tolist() for title, values in _named_cells(trace).items()}
    z = _numbers(_z(trace))
    rows, columns = z.shape
    down = trace.y if trace.y is not None else _ticks(trace.y0, trace.dy, rows)
    across = trace.x if trace.x is not None else _ticks(trace.x0, trace.dx, columns)
    table: dict[str, Sequence[Any]] = {_("row"): list(down)}
    for number, name in enumerate(across):
        column = [None if _is_missing(value) else value for value in z[:, number].tolist()]
        table[_free(name if isinstance(name, str) else f"{name:g}", table)] = column
    return table


def _ticks(first: float | None, step: float | None, count: int) -> Sequence[float]:
    start, by = first or 0, 1 if step is None else step
    return [start + by * number for number in range(count)]


# -- rectangles -------------------------------------------------------------------------------------------------


def _rectangles(figure: go.Figure) -> Iterator[Any]:
    return (trace for trace in figure.data if trace.type == "scatter" and trace.fill == "toself")


def _told_rectangle(trace: Any) -> str:
    return _(
        "{name}: rows {top:g} to {bottom:g}, columns {left:g} to {right:g}.",
        name=trace.name,
        top=min(trace.y),
        bottom=max(trace.y),
        left=min(trace.x),
        right=max(trace.x),
    )


def _of_rectangles(traces: Sequence[Any]) -> Table:
    return {
        _("part"): [trace.name for trace in traces],
        _("top"): [min(trace.y) for trace in traces],
        _("bottom"): [max(trace.y) for trace in traces],
        _("left"): [min(trace.x) for trace in traces],
        _("right"): [max(trace.x) for trace in traces],
    }


# -- numbers ----------------------------------------------------------------------------------------------------


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _value(value: float, percent: bool) -> str:
    if percent:
        return f"{value:.1%}"
    if isinstance(value, int) or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.4g}"


def _joined(parts: Sequence[Any]) -> str:
    return ", ".join(f"{part:,.6g}" if isinstance(part, float) else str(part) for part in parts)

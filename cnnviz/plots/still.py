"""Figures that stand still: SVG and PNG files as addresses for an image, which a page shows and prints without JavaScript.

They import no plotly. What they say in words is in the current language; letters in an image are not read aloud, so
whoever shows one gives it an alternative text.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from PIL import Image

from cnnviz.language import Message
from cnnviz.plots import palette

_INK = {False: ("#1d2230", "#9aa0ad", "#d5d8df"), True: ("#f0f1f4", "#8b91a0", "#3b404d")}
"""Text, axes and grid, in the light and in the dark theme."""
_LINES = {False: ("#332288", "#b3541e"), True: ("#88ccee", "#ddcc77")}
_DASHES = ("", "6 4")
_WIDTH, _HEIGHT = 460, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 14, 50
_TICKS = 5
_CELL = 38
_SIDE = 112  # pixels of a filter, at most
_ACROSS = 460  # of all filters side by side
_GAP = 6


def curves(lines: Mapping[str, Sequence[float]], dark: bool = False) -> str:
    """Losses over a training, a line for each name; the horizontal axis goes from its start to its end."""
    ink, axis, grid = _INK[dark]
    top = _nice(max(max(values) for values in lines.values()))
    across, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    parts = [
        f'<path d="M{_LEFT} {y:.1f}h{across}" stroke="{grid}"/>{_text(_LEFT - 6, y + 4, f"{value:g}", ink, "end")}'
        for value in np.linspace(0, top, _TICKS)
        for y in [_TOP + high * (1 - float(value) / top)]
    ]
    parts.append(f'<path d="M{_LEFT} {_TOP}v{high}h{across}" fill="none" stroke="{axis}"/>')
    parts.append(_text(_LEFT, _TOP + high + 16, str(Message("start")), ink, "start"))
    parts.append(_text(_WIDTH - _RIGHT, _TOP + high + 16, str(Message("end of the training")), ink, "end"))
    for number, (name, values) in enumerate(lines.items()):
        colour, dash = _LINES[dark][number], _DASHES[number]
        points = " ".join(
            f"{_LEFT + across * place / (len(values) - 1):.1f},{_TOP + high * (1 - value / top):.1f}"
            for place, value in enumerate(values)
        )
        stroke = f'fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{points}" {stroke}/>')
        x, y = _LEFT + number * 200, _HEIGHT - 10
        parts.append(f'<path d="M{x} {y - 4}h28" {stroke}/>{_text(x + 34, y, name, ink, "start")}')
    return _svg(_WIDTH, _HEIGHT, parts)


def matrix(rows: Sequence[Sequence[int]], dark: bool = False) -> str:
    """A confusion matrix with its numbers: rows are labels, columns what the network said; classes count from 0."""
    ink, _axis, grid = _INK[dark]
    scale = palette.DIVERGING_DARK if dark else palette.DIVERGING_LIGHT
    middle = len(scale) // 2
    across, left, top = len(rows), 2 * _CELL, 2 * _CELL
    side = across * _CELL
    parts = [
        _text(left + side / 2, 16, str(Message("what the network says")), ink, "middle"),
        f'<g transform="translate(16 {top + side / 2}) rotate(-90)">{_text(0, 0, str(Message("label")), ink, "middle")}</g>',
    ]
    for row, counts in enumerate(rows):
        parts.append(_text(left - 8, top + row * _CELL + _CELL * 0.63, str(row), ink, "end"))
        parts.append(_text(left + row * _CELL + _CELL / 2, top - 8, str(row), ink, "middle"))
        for column, count in enumerate(counts):
            share = count / max(1, sum(counts))
            shade = scale[middle + round(share * (len(scale) - 1 - middle))]
            x, y = left + column * _CELL, top + row * _CELL
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" fill="{shade}" stroke="{grid}"/>'
            )
            if count:
                parts.append(
                    _text(x + _CELL / 2, y + _CELL * 0.63, str(count), palette.text_on(shade), "middle")
                )
    return _svg(left + side + 4, top + side + 4, parts)


def tiles(values: Sequence[float], shape: tuple[int, int, int], dark: bool = False) -> str:
    """Pictures of the ``shape`` (N, h, w), of ``values`` around zero, side by side on one colour scale."""
    pictures = np.array(values, np.float64).reshape(shape)
    count, height, width = shape
    columns = min(count, max(1, _ACROSS // _SIDE * 2 if count > 8 else math.ceil(count / 2)))
    cell = max(1, min(_SIDE, (_ACROSS - columns * _GAP) // columns) // max(height, width))
    limit = float(np.abs(pictures).max()) or 1.0
    colours = np.array(palette.rgb(palette.DIVERGING_DARK if dark else palette.DIVERGING_LIGHT), np.float64)
    places = (pictures / limit + 1) / 2 * (len(colours) - 1)
    low = np.minimum(places.astype(int), len(colours) - 2)
    part = (places - low)[..., None]
    shaded = np.rint(colours[low] * (1 - part) + colours[low + 1] * part).astype(np.uint8)
    large = shaded.repeat(cell, axis=1).repeat(cell, axis=2)
    rows = -(-count // columns)
    step = (height * cell + _GAP, width * cell + _GAP)
    canvas = np.zeros((rows * step[0] - _GAP, columns * step[1] - _GAP, 4), np.uint8)
    for number, picture in enumerate(large):
        y, x = number // columns * step[0], number % columns * step[1]
        canvas[y : y + height * cell, x : x + width * cell] = np.dstack(
            [picture, np.full(picture.shape[:2], 255, np.uint8)]
        )
    file = io.BytesIO()
    Image.fromarray(canvas).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _nice(value: float) -> float:
    """The end of an axis from 0 to ``value``."""
    power = 10.0 ** math.floor(math.log10(value or 1))
    return next(power * step for step in (1, 2, 2.4, 3, 4, 5, 6, 8, 10) if power * step >= value)


def _text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    style = 'font-family="Noto Sans, Noto Sans CJK SC, sans-serif" font-size="13"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" {style}>{"".join(parts)}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"

"""The idea of a family of networks as a small picture, for the landing page, which has no torch.

Only what makes a family is drawn, not every layer; the Architecture page draws the real network.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from cnnviz.plots import palette

_SIDE, _COLUMN, _ROW = 24, 46, 30
_LINE = "#8d93a3"


@dataclass(frozen=True)
class Sketch:
    """Columns of kinds of operation, from left to right; what stands in one column runs side by side.

    ``skips`` are pairs of columns (from, to) that an extra line connects.
    """

    columns: tuple[tuple[str, ...], ...]
    skips: tuple[tuple[int, int], ...] = ()


SKETCHES: Mapping[str, Sketch] = {
    "MLP": Sketch((("reshape",), ("linear",), ("activation",), ("linear",), ("activation",), ("linear",))),
    "LeNet": Sketch((("convolution",), ("pooling",), ("convolution",), ("pooling",), ("linear",))),
    "Inception": Sketch(
        (
            ("convolution",),
            ("convolution", "convolution", "convolution", "pooling"),
            ("merge",),
            ("linear",),
        )
    ),
    "ResNet": Sketch(
        (("convolution",), ("convolution",), ("activation",), ("convolution",), ("merge",), ("linear",)),
        skips=((0, 4),),
    ),
    "AlexNet": Sketch(
        (("convolution",), ("pooling",), ("convolution",), ("pooling",), ("linear",), ("linear",))
    ),
    "VGG": Sketch(
        (("convolution",), ("convolution",), ("pooling",), ("convolution",), ("convolution",), ("linear",))
    ),
    "NiN": Sketch((("convolution",), ("convolution",), ("convolution",), ("pooling",))),
    "DenseNet": Sketch(
        (("convolution",), ("merge",), ("convolution",), ("merge",), ("pooling",), ("linear",)),
        skips=((0, 3),),
    ),
}


def picture(family: str, description: str, dark: bool) -> str:
    """HTML of a family's sketch; an empty picture of the same height for a family that has none."""
    sketch = SKETCHES.get(family, Sketch(()))
    rows = max((len(column) for known in SKETCHES.values() for column in known.columns), default=1)
    height = rows * _ROW
    width = max(len(known.columns) for known in SKETCHES.values()) * _COLUMN
    lines = "".join(_lines(sketch, height))
    nodes = "".join(
        _node(kind, _x(number), y, dark)
        for number, column in enumerate(sketch.columns)
        for kind, y in zip(column, _ys(len(column), height), strict=True)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">{lines}{nodes}</svg>'
    )
    source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    return f'<img src="{source}" alt="{escape(description)}" height="{height}">'


def _x(column: int) -> float:
    return column * _COLUMN + _SIDE / 2 + 1


def _ys(count: int, height: float) -> list[float]:
    return [height / 2 + (index - (count - 1) / 2) * _ROW for index in range(count)]


def _lines(sketch: Sketch, height: float) -> list[str]:
    paths = []
    for number, (left, right) in enumerate(zip(sketch.columns, sketch.columns[1:], strict=False)):
        for start in _ys(len(left), height):
            for end in _ys(len(right), height):
                a, b = _x(number), _x(number + 1)
                middle = (a + b) / 2
                paths.append(f"M{a} {start}C{middle} {start} {middle} {end} {b} {end}")
    for first, last in sketch.skips:
        a, b, y = _x(first), _x(last), height / 2
        paths.append(f"M{a} {y}C{a + _COLUMN / 2} {y - 2 * _ROW} {b - _COLUMN / 2} {y - 2 * _ROW} {b} {y}")
    return [f'<path d="{path}" fill="none" stroke="{_LINE}" stroke-width="1.5"/>' for path in paths]


def _node(kind: str, x: float, y: float, dark: bool) -> str:
    style = palette.kind(kind)
    colour = style.colour(dark)
    corner = _SIDE / 2
    return (
        f'<rect x="{x - corner}" y="{y - corner}" width="{_SIDE}" height="{_SIDE}" rx="5" fill="{colour}"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" font-family="sans-serif" font-weight="700" '
        f'font-size="14" fill="{palette.text_on(colour)}">{style.letter}</text>'
    )

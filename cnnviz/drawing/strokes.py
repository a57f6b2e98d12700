"""The strokes of a drawing: read from the canvas, drawn again with another pen.

A thick pen hides the shape of what is drawn small: holes close, strokes melt together. The canvas tells the
way that the pen took, so the same drawing can be drawn with a pen that fits its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cnnviz.drawing.fabric import Points, placed

WHITE, BLACK = "#ffffff", "#000000"
MOST_POINTS = 20_000
THICK = 0.16
"""A pen that takes a larger part of the drawing's longer side hides its shape; MNIST's take an eighth."""

_FILL, _FINE = 0.75, 0.08  # of the canvas: a drawing that fills most of it, and a pen that suits it
_LEAST = 6.0  # pixels: what is shorter is a dot
_SMOOTH = 4  # times as fine as the canvas, so that edges come out grey


@dataclass(frozen=True, eq=False)
class Stroke:
    """One move of the pen: ``points`` (N, 2), x and y in pixels, and its ``width``; an eraser takes ink away."""

    points: Points
    width: float
    erases: bool = False


def strokes_of(drawing: Mapping[str, Any] | None) -> tuple[Stroke, ...] | None:
    """The strokes of a drawing as the canvas describes it (Fabric.js); None where it holds anything else.

    Strokes that were turned, scaled or moved with the canvas's own tools lie where these put them.
    """
    if not isinstance(drawing, Mapping) or not isinstance(drawing.get("objects"), list):
        return None
    try:
        strokes = tuple(_stroke(entry) for entry in drawing["objects"])
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    if sum(len(stroke.points) for stroke in strokes) > MOST_POINTS:
        return None
    return strokes


def drawing_of(strokes: Iterable[Stroke]) -> dict[str, Any]:
    """``strokes`` as the canvas takes a drawing to begin with; :func:`strokes_of` reads it."""
    return {"objects": [_described(stroke) for stroke in strokes]}


def rendered(strokes: Sequence[Stroke], side: int, pen: float | None = None) -> NDArray[np.uint8]:
    """The strokes in white on black: (side, side, 4) uint8; ``pen`` takes the place of the pens' widths."""
    size = side * _SMOOTH
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        width = stroke.width if pen is None or stroke.erases else pen
        _line(draw, stroke.points * _SMOOTH, width * _SMOOTH, 0 if stroke.erases else 255)
    grey = np.asarray(image.reduce(_SMOOTH))
    canvas = np.full((side, side, 4), 255, np.uint8)
    canvas[..., :3] = grey[..., None]
    return canvas


def finer(strokes: Sequence[Stroke], side: int) -> NDArray[np.uint8] | None:
    """The drawing enlarged, with a pen that does not hide its shape: (side, side, 4) uint8.

    None where its pen is fine enough, or where there is no shape to be seen: a dot.
    """
    longest = extent(strokes)
    pen = max((stroke.width for stroke in strokes if not stroke.erases), default=0.0)
    if longest < _LEAST or pen <= THICK * (longest + pen):
        return None
    return rendered(_magnified(strokes, side, longest), side, pen=_FINE * side)


def extent(strokes: Sequence[Stroke]) -> float:
    """The longer side of the box around the ways of the pen, in pixels, its width left out."""
    points = [stroke.points for stroke in strokes if not stroke.erases]
    if not points:
        return 0.0
    together = np.concatenate(points)
    return float((together.max(axis=0) - together.min(axis=0)).max())


def _magnified(strokes: Sequence[Stroke], side: int, longest: float) -> list[Stroke]:
    """The strokes in the middle of the canvas, as large as fits well; an eraser grows with what it erased."""
    points = np.concatenate([stroke.points for stroke in strokes if not stroke.erases])
    factor = side * _FILL / longest
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    return [
        Stroke((stroke.points - middle) * factor + side / 2, stroke.width * factor, stroke.erases)
        for stroke in strokes
    ]


def _stroke(entry: Mapping[str, Any]) -> Stroke:
    if entry["type"].lower() != "path":
        raise ValueError(entry["type"])
    points, enlarged = placed(entry)
    width = float(entry["strokeWidth"]) * enlarged
    if not (np.isfinite(points).all() and 0 < width < 1_000):
        raise ValueError(width)
    return Stroke(points, width, erases=str(entry["stroke"]).lower() == BLACK)


def _described(stroke: Stroke) -> dict[str, Any]:
    middle = (stroke.points.max(axis=0) + stroke.points.min(axis=0)) / 2
    commands = [["M" if index == 0 else "L", *point] for index, point in enumerate(stroke.points.tolist())]
    if len(commands) == 1:
        commands.append(["L", *stroke.points[0].tolist()])
    return {
        "type": "Path",
        "path": commands,
        "originX": "center",
        "originY": "center",
        "left": float(middle[0]),
        "top": float(middle[1]),
        "fill": None,
        "stroke": BLACK if stroke.erases else WHITE,
        "strokeWidth": stroke.width,
        "strokeLineCap": "round",
        "strokeLineJoin": "round",
    }


def _line(draw: ImageDraw.ImageDraw, points: Points, width: float, shade: int) -> None:
    """A line with round ends and corners."""
    places = [(float(x), float(y)) for x, y in points]
    whole = max(1, round(width))  # Pillow's lines have no other width, and the ends must fit
    draw.line(places, fill=shade, width=whole)
    radius = whole / 2
    for x, y in places:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)

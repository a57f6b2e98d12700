"""The strokes of a drawing: read from the canvas, redrawn with another pen, and those of ten example digits.

A thick pen hides the shape of a small drawing: holes close, strokes merge. The canvas reports the path of the
pen, so the same drawing can be redrawn with a pen that suits its size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

WHITE, BLACK = "#ffffff", "#000000"
MOST_POINTS = 20_000
THICK = 0.16
"""A pen wider than this fraction of the drawing's longer side hides its shape; MNIST's take an eighth."""

_FILL, _FINE = 0.75, 0.08  # of the canvas: the size of an enlarged drawing, and a pen that suits it
_LEAST = 6.0  # pixels: anything shorter is a dot
_SMOOTH = 4  # supersampling factor, for smooth edges


@dataclass(frozen=True, eq=False)
class Stroke:
    """One move of the pen: ``points`` (N, 2), x and y in pixels, and its ``width``; an eraser removes ink."""

    points: Points
    width: float
    erases: bool = False


def strokes_of(drawing: Mapping[str, Any] | None) -> tuple[Stroke, ...] | None:
    """The strokes of a drawing as the canvas describes it (Fabric.js); None if it contains anything else.

    Rotating, scaling or moving strokes with the canvas's own tools is taken into account.
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
    """``strokes`` in the canvas's format for an initial drawing, as :func:`strokes_of` reads it."""
    return {"objects": [_described(stroke) for stroke in strokes]}


def rendered(strokes: Sequence[Stroke], side: int, pen: float | None = None) -> NDArray[np.uint8]:
    """The strokes in white on black: (side, side, 4) uint8; ``pen`` replaces the widths of the pens."""
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

    None if its pen is fine enough, or if it is just a dot.
    """
    longest = extent(strokes)
    pen = max((stroke.width for stroke in strokes if not stroke.erases), default=0.0)
    if longest < _LEAST or pen <= THICK * (longest + pen):
        return None
    return rendered(_magnified(strokes, side, longest), side, pen=_FINE * side)


def extent(strokes: Sequence[Stroke]) -> float:
    """The longer side of the box around the pen's path, in pixels, ignoring the width of the pen."""
    points = [stroke.points for stroke in strokes if not stroke.erases]
    if not points:
        return 0.0
    together = np.concatenate(points)
    return float((together.max(axis=0) - together.min(axis=0)).max())


def _magnified(strokes: Sequence[Stroke], side: int, longest: float) -> list[Stroke]:
    """The strokes enlarged and centred on the canvas; an eraser grows in proportion."""
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


Points = NDArray[np.float64]

_LONG = 40.0  # pixels: a shorter curve looks round as 4 short lines, a longer one takes 16
_SHORT_PARTS, _LONG_PARTS = (np.linspace(0, 1, lines + 1)[1:, None] for lines in (4, 16))


def placed(entry: Mapping[str, Any]) -> tuple[Points, float]:
    """The points (N, 2) of a path on the canvas, x and y in pixels, and by how much its pen is enlarged.

    A path is described as Fabric.js does, the library that the canvas draws with. Its own numbers are where the pen
    was. The canvas's tools move, turn and scale it by other numbers, which count from the middle of the path's box;
    so that box has to be computed as Fabric.js computes it.

    Raises:
        ValueError, KeyError, TypeError: it is not a path of lines and quadratic curves, or its centre is missing.
    """
    commands = [(str(command), [float(number) for number in numbers]) for command, *numbers in entry["path"]]
    points = _points(commands)
    if (entry["originX"], entry["originY"]) != ("center", "center"):
        raise ValueError(entry["originX"])
    matrix = _matrix(entry)
    place = np.array([float(entry["left"]), float(entry["top"])])
    moved: Points = (points - _middle(commands)) @ matrix.T + place
    return moved, math.sqrt(abs(float(np.linalg.det(matrix))))


def _points(commands: Sequence[tuple[str, list[float]]]) -> Points:
    """The points of the commands M, L and Q; curves as a few short lines."""
    points: list[Points] = []
    for command, values in commands:
        if len(values) != {"M": 2, "L": 2, "Q": 4}.get(command):
            raise ValueError(command)
        end = np.array([values[-2:]])
        points.append(_curve(points[-1][-1], np.array(values[:2]), end) if command == "Q" else end)
    return np.concatenate(points)


def _curve(start: Points, control: Points, end: Points) -> Points:
    """Points (n, 2) of a curve after its ``start`` (2,), up to its ``end`` (1, 2)."""
    long = math.dist(control, start) + math.dist(end[0], control) > _LONG
    part = _LONG_PARTS if long else _SHORT_PARTS
    return np.asarray((1 - part) ** 2 * start + 2 * part * (1 - part) * control + part**2 * end)


def _middle(commands: Sequence[tuple[str, list[float]]]) -> Points:
    """The middle (x, y) of the box that Fabric.js puts around a path.

    It takes a quadratic curve for a cubic one that has the same control point twice. That one bulges more, so
    around a sharp corner the box is larger than the curve by many pixels.
    """
    ends = np.array([values[-2:] for _command, values in commands])
    curved = np.array([number for number, (command, _values) in enumerate(commands) if command == "Q"], int)
    controls = np.array([commands[number][1][:2] for number in curved]).reshape(-1, 2)
    corners = np.concatenate([ends, _outermost(ends[curved - 1], controls, ends[curved])])
    return np.asarray((corners.max(axis=0) + corners.min(axis=0)) / 2)


def _outermost(start: Points, control: Points, end: Points) -> Points:
    """Where the cubic curves ``(1-t)^3 start + 3 t (1-t) control + t^3 end`` turn in x or in y.

    All arguments are (curves, 2); what comes out is (points, 2).
    """
    # The derivative is, but for a factor of 3, a t^2 - 2 b t + b: of each curve, in x and in y.
    a, b = end - start, control - start
    with np.errstate(divide="ignore", invalid="ignore"):  # no turn, or a straight line: nan or infinite
        root = np.sqrt(b * b - a * b)
        parts = np.stack([(b + root) / a, (b - root) / a, np.where(a == 0, 0.5, np.nan)])
    found = []
    for part in parts.transpose(0, 2, 1).reshape(6, len(start)):  # three turns in x and in y
        inside = (part > 0) & (part < 1)
        t = part[inside, None]
        found.append((1 - t) ** 3 * start[inside] + 3 * t * (1 - t) * control[inside] + t**3 * end[inside])
    return np.concatenate(found)


def _matrix(entry: Mapping[str, Any]) -> Points:
    """What turning, scaling, mirroring and skewing with the canvas's tools does to a path: (2, 2)."""

    def number(name: str, usual: float) -> float:
        return float(entry.get(name, usual))

    angle, right, down = (math.radians(number(name, 0.0)) for name in ("angle", "skewX", "skewY"))
    across = -1 if entry.get("flipX") else 1
    along = -1 if entry.get("flipY") else 1
    turned = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    sized = np.diag([across * number("scaleX", 1.0), along * number("scaleY", 1.0)])
    skewed = np.array([[1.0, math.tan(right)], [0.0, 1.0]]) @ np.array([[1.0, 0.0], [math.tan(down), 1.0]])
    return np.asarray(turned @ sized @ skewed)


# Points as parts of the canvas's width and height; each list is one move of the pen.
_WAYS: Mapping[str, tuple[tuple[tuple[float, float], ...], ...]] = MappingProxyType(
    {
        "0": (((0.52, 0.16), (0.38, 0.2), (0.29, 0.36), (0.28, 0.56), (0.35, 0.76), (0.5, 0.85), (0.64, 0.77),
               (0.71, 0.58), (0.7, 0.37), (0.62, 0.2), (0.5, 0.16)),),
        "1": (((0.38, 0.3), (0.46, 0.24), (0.53, 0.14)), ((0.53, 0.14), (0.52, 0.5), (0.5, 0.86))),
        "2": (((0.31, 0.33), (0.35, 0.2), (0.49, 0.14), (0.63, 0.19), (0.68, 0.33), (0.61, 0.49), (0.46, 0.66),
               (0.3, 0.83)), ((0.3, 0.83), (0.5, 0.81), (0.73, 0.84))),
        "3": (((0.31, 0.21), (0.47, 0.14), (0.63, 0.19), (0.66, 0.32), (0.58, 0.43), (0.45, 0.48)),
              ((0.45, 0.48), (0.62, 0.53), (0.7, 0.67), (0.62, 0.81), (0.46, 0.87), (0.29, 0.8))),
        "4": (((0.42, 0.14), (0.36, 0.36), (0.29, 0.58)), ((0.29, 0.58), (0.5, 0.57), (0.73, 0.56)),
              ((0.62, 0.3), (0.6, 0.58), (0.58, 0.88))),
        "5": (((0.66, 0.15), (0.51, 0.16), (0.36, 0.17)), ((0.36, 0.17), (0.34, 0.31), (0.33, 0.45)),
              ((0.33, 0.45), (0.5, 0.41), (0.65, 0.49), (0.69, 0.65), (0.61, 0.8), (0.45, 0.86), (0.29, 0.79))),
        "6": (((0.61, 0.14), (0.46, 0.27), (0.35, 0.47), (0.33, 0.67), (0.41, 0.82), (0.55, 0.84), (0.66, 0.74),
               (0.66, 0.6), (0.55, 0.52), (0.42, 0.56), (0.34, 0.66)),),
        "7": (((0.28, 0.19), (0.5, 0.18), (0.72, 0.17)), ((0.72, 0.17), (0.61, 0.4), (0.51, 0.63), (0.44, 0.87))),
        "8": (((0.62, 0.25), (0.51, 0.15), (0.38, 0.2), (0.35, 0.33), (0.45, 0.45), (0.6, 0.56), (0.66, 0.7),
               (0.58, 0.83), (0.44, 0.85), (0.34, 0.75), (0.37, 0.6), (0.5, 0.48), (0.62, 0.36), (0.62, 0.25)),),
        "9": (((0.65, 0.3), (0.56, 0.16), (0.42, 0.16), (0.34, 0.28), (0.38, 0.42), (0.51, 0.45), (0.62, 0.38),
               (0.65, 0.3)), ((0.65, 0.3), (0.64, 0.5), (0.6, 0.7), (0.53, 0.87))),
    }
)  # fmt: skip
EXAMPLES = tuple(_WAYS)
"""The digits for which there is an example."""


def example(name: str, side: int, pen: float) -> tuple[Stroke, ...]:
    """The strokes of the digit ``name`` on a canvas of ``side`` pixels, drawn with a pen ``pen`` pixels wide."""
    return tuple(Stroke(_rounded(np.array(way)) * side, pen) for way in _WAYS[name])


def example_points() -> dict[str, list[list[tuple[float, float]]]]:
    """The strokes of all example digits by name: points (x, y) from 0 to 1, of curves as people draw them."""
    return {
        name: [
            [(round(float(x), 3), round(float(y), 3)) for x, y in stroke.points]
            for stroke in example(name, 1, 0)
        ]
        for name in EXAMPLES
    }


def _rounded(points: Points, steps: int = 6) -> Points:
    """A smooth curve through ``points`` (N, 2), as people draw (a Catmull-Rom spline)."""
    ends = np.concatenate([points[:1], points, points[-1:]])
    parts = np.arange(steps)[:, None] / steps
    pieces = []
    for before, start, end, after in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        slope = (end - before) / 2
        bend = (2 * before - 5 * start + 4 * end - after) / 2
        twist = (3 * (start - end) + after - before) / 2
        pieces.append(start + parts * (slope + parts * (bend + parts * twist)))
    return np.concatenate([*pieces, points[-1:]])

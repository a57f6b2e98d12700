"""Paths as Fabric.js describes them, the library that the canvas draws with: where their points lie.

A path's own numbers are where the pen was. The canvas's tools move, turn and scale it by other numbers, which
count from the middle of the path's box; so that box has to be computed as Fabric.js computes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_LONG = 40.0  # pixels: a shorter curve looks round as 4 short lines, a longer one takes 16
_SHORT_PARTS, _LONG_PARTS = (np.linspace(0, 1, lines + 1)[1:, None] for lines in (4, 16))


def placed(entry: Mapping[str, Any]) -> tuple[Points, float]:
    """The points (N, 2) of a path on the canvas, x and y in pixels, and by how much its pen is enlarged.

    Raises:
        ValueError, KeyError, TypeError: it is no path of lines and quadratic curves, or it does not say where
            its middle is.
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

"""Paths as Fabric.js describes them, the library that the canvas draws with: where their points lie.

A path's own numbers are where the pen was. The canvas's tools move, turn and scale it by other numbers, which
count from the middle of the path's box; so that box has to be computed as Fabric.js computes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_LONG = 40.0  # pixels: a shorter curve looks round as 4 short lines, a longer one takes 16


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
        end = np.array(values[-2:])
        if command == "Q":
            points += _curve(points[-1], np.array(values[:2]), end)
        else:
            points.append(end)
    if not points:
        raise ValueError("no points")
    return np.array(points)


def _curve(start: Points, control: Points, end: Points) -> list[Points]:
    long = np.linalg.norm(control - start) + np.linalg.norm(end - control) > _LONG
    parts = np.linspace(0, 1, 17 if long else 5)[1:]
    return [(1 - part) ** 2 * start + 2 * part * (1 - part) * control + part**2 * end for part in parts]


def _middle(commands: Sequence[tuple[str, list[float]]]) -> Points:
    """The middle (x, y) of the box that Fabric.js puts around a path.

    It takes a quadratic curve for a cubic one that has the same control point twice. That one bulges more, so
    around a sharp corner the box is larger than the curve by many pixels.
    """
    ends = [np.array(values[-2:]) for _command, values in commands]
    corners = [*ends]
    for (start, end), (command, values) in zip(pairwise(ends), commands[1:], strict=True):
        if command == "Q":
            corners += _outermost(start, np.array(values[:2]), end)
    return np.asarray((np.max(corners, axis=0) + np.min(corners, axis=0)) / 2)


def _outermost(start: Points, control: Points, end: Points) -> list[Points]:
    """Where the cubic curve ``(1-t)^3 start + 3 t (1-t) control + t^3 end`` turns in x or in y."""
    found = []
    for axis in (0, 1):
        first, second, third = float(start[axis]), float(control[axis]), float(end[axis])
        # Its derivative is, but for a factor of 3, (end - start) t^2 + 2 (start - control) t + control - start.
        for root in np.roots([third - first, 2 * (first - second), second - first]):
            part = float(root.real)
            if abs(root.imag) < 1e-9 and 0 < part < 1:
                found.append((1 - part) ** 3 * start + 3 * part * (1 - part) * control + part**3 * end)
    return found


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

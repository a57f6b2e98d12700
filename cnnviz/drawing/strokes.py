"""The strokes of ten example digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stroke:
    """One move of the pen: ``points`` (N, 2), x and y in pixels, and its ``width``."""

    points: Points
    width: float


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

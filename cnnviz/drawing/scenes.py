"""Pictures made of a few coloured shapes: what a page shows a network that reads no drawings before anybody has a picture."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cnnviz.datasets.registry import Shows

Shape = tuple[str, tuple[tuple[float, float], ...]]
"""A colour (#rrggbb), and the corners of a polygon: x and y as parts of the picture's width and height."""
Scene = tuple[Shape, ...]
"""Shapes from the back to the front."""


def _ground(colour: str, top: float = 0.0) -> Shape:
    return colour, ((0.0, top), (1.0, top), (1.0, 1.0), (0.0, 1.0))


def _box(colour: str, left: float, top: float, right: float, bottom: float) -> Shape:
    return colour, ((left, top), (right, top), (right, bottom), (left, bottom))


def _disc(colour: str, x: float, y: float, radius: float) -> Shape:
    half = 0.7071 * radius
    return colour, (
        (x, y - radius), (x + half, y - half), (x + radius, y), (x + half, y + half),
        (x, y + radius), (x - half, y + half), (x - radius, y), (x - half, y - half),
    )  # fmt: skip


SCENES: Mapping[Shows, Mapping[str, Scene]] = MappingProxyType(
    {
        "digits": {},
        "clothing": {
            "T-shirt/top": (
                _ground("#ffffff"),
                ("#283c78", ((0.37, 0.2), (0.63, 0.2), (0.83, 0.37), (0.75, 0.47), (0.65, 0.38), (0.65, 0.83),
                             (0.35, 0.83), (0.35, 0.38), (0.25, 0.47), (0.17, 0.37))),
            ),
            "Trouser": (
                _ground("#ffffff"),
                ("#34495e", ((0.36, 0.1), (0.64, 0.1), (0.68, 0.9), (0.55, 0.9), (0.5, 0.34), (0.45, 0.9), (0.32, 0.9))),
            ),
            "Bag": (
                _ground("#ffffff"),
                ("#7b3f20", ((0.2, 0.42), (0.8, 0.42), (0.86, 0.84), (0.14, 0.84))),
                ("#7b3f20", ((0.34, 0.42), (0.38, 0.24), (0.62, 0.24), (0.66, 0.42), (0.61, 0.42), (0.58, 0.29),
                             (0.42, 0.29), (0.39, 0.42))),
            ),
            "Ankle boot": (
                _ground("#ffffff"),
                ("#2b2b2b", ((0.5, 0.15), (0.85, 0.15), (0.86, 0.8), (0.12, 0.8), (0.12, 0.68), (0.3, 0.58), (0.48, 0.45))),
                ("#555555", ((0.12, 0.8), (0.86, 0.8), (0.86, 0.86), (0.12, 0.86))),
            ),
        },
        "pictures": {
            "ship": (
                _ground("#8cbee6"),
                _ground("#143c6e", 0.62),
                ("#782828", ((0.2, 0.58), (0.8, 0.58), (0.72, 0.75), (0.3, 0.75))),
                _box("#ebebeb", 0.37, 0.42, 0.63, 0.58),
                _box("#3c3c3c", 0.47, 0.25, 0.5, 0.42),
            ),
            "airplane": (
                _ground("#8cbee6"),
                ("#e8ecf0", ((0.1, 0.5), (0.2, 0.45), (0.8, 0.45), (0.9, 0.3), (0.95, 0.3), (0.92, 0.53), (0.2, 0.56))),
                ("#b8c0c8", ((0.42, 0.5), (0.58, 0.5), (0.75, 0.78), (0.66, 0.78))),
                ("#b8c0c8", ((0.45, 0.46), (0.58, 0.46), (0.68, 0.28), (0.62, 0.28))),
            ),
            "automobile": (
                _ground("#c8d2dc"),
                _ground("#6e6e6e", 0.66),
                ("#c0281e", ((0.1, 0.5), (0.26, 0.48), (0.38, 0.32), (0.66, 0.32), (0.8, 0.48), (0.92, 0.52), (0.92, 0.7), (0.1, 0.7))),
                ("#28323c", ((0.31, 0.47), (0.4, 0.36), (0.64, 0.36), (0.73, 0.47))),
                _disc("#141414", 0.28, 0.7, 0.1),
                _disc("#141414", 0.74, 0.7, 0.1),
            ),
            "truck": (
                _ground("#c8d2dc"),
                _ground("#6e6e6e", 0.7),
                _box("#e6e6e6", 0.08, 0.22, 0.64, 0.7),
                ("#1e5aa0", ((0.66, 0.4), (0.82, 0.4), (0.92, 0.56), (0.92, 0.72), (0.66, 0.72))),
                ("#28323c", ((0.71, 0.44), (0.81, 0.44), (0.87, 0.55), (0.71, 0.55))),
                _disc("#141414", 0.24, 0.74, 0.09),
                _disc("#141414", 0.78, 0.74, 0.09),
            ),
        },
    }
)  # fmt: skip
"""By what they show, as the classes of CIFAR-10 and Fashion-MNIST are called."""

"""Strokes as a canvas shows them, for tests without a browser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cnnviz.drawing.strokes import Stroke

_SMOOTH = 4  # supersampling factor, for smooth edges


def rendered(strokes: Sequence[Stroke], side: int) -> NDArray[np.uint8]:
    """The strokes in white on black: (side, side, 4) uint8."""
    image = Image.new("L", (side * _SMOOTH, side * _SMOOTH))
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        places = [(float(x), float(y)) for x, y in stroke.points * _SMOOTH]
        width = max(1, round(stroke.width * _SMOOTH))
        draw.line(places, fill=255, width=width)
        for x, y in places:  # round ends and corners
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    canvas = np.full((side, side, 4), 255, np.uint8)
    canvas[..., :3] = np.asarray(image.reduce(_SMOOTH))[..., None]
    return canvas

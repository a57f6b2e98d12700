"""From the picture of a piece of clothing to an image like those of Fashion-MNIST.

Its images were made from a shop's photos on light ground: cropped to the piece, its longer side resized to 28
pixels, centred, converted to grey and inverted, so that clothes are bright on black (Xiao,
Rasul and Vollgraf 2017, arXiv:1708.07747, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnviz.drawing.photo import has_even_ground
from cnnviz.drawing.prepare import FAINT, FIELD, bounding_box
from cnnviz.interpret.inputs import middle_square, on_paper, scaled, with_channels


@dataclass(frozen=True, eq=False)
class Garment:
    """A piece of clothing on its way to the network.

    ``turned``: the picture was dark on light and has been inverted. ``bright``: (H, W) uint8, the whole picture with its ground
    black. ``cut``: the picture was cropped to the piece, not to its middle square. ``image``: (28, 28)
    uint8, what the network gets.
    """

    turned: bool
    bright: NDArray[np.uint8]
    cut: bool
    image: NDArray[np.uint8]


def from_picture(rgba: NDArray[np.uint8]) -> Garment:
    """Convert a picture (H, W, 4) uint8 to the form of a Fashion-MNIST image.

    The background is what lies along the edge; if it is lighter than the middle, the picture is inverted. A
    picture on a uniform background is cropped to what differs from it; of a photo, in which the piece cannot be
    told from its surroundings, the middle square is taken. An image of 28 x 28 pixels is not moved.
    """
    grey = with_channels(on_paper(rgba), 1)[0].astype(np.float32) / np.float32(255)
    ground = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    turned = ground > float(_inner(grey).mean())
    above = (ground - grey) / ground if turned else (grey - ground) / max(1 - ground, 1 / 255)
    bright = np.rint(np.clip(above, 0, 1) * 255).astype(np.uint8)
    ink = np.where(bright > FAINT * 255, bright, 0).astype(np.float32)
    cut = bright.shape != (FIELD, FIELD) and has_even_ground(rgba) and bool(ink.any())
    return Garment(turned, bright, cut, _centred(bright, bounding_box(ink)) if cut else _square(bright))


def _inner(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The middle third in height and width, at least one pixel."""
    height, width = grey.shape
    return grey[height // 3 : height - height // 3, width // 3 : width - width // 3]


def _centred(bright: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    top, left, height, width = box
    factor = FIELD / max(height, width)
    high, wide = max(1, round(height * factor)), max(1, round(width * factor))
    field = np.zeros((FIELD, FIELD), np.uint8)
    down, across = (FIELD - high) // 2, (FIELD - wide) // 2
    piece = bright[None, top : top + height, left : left + width]
    field[down : down + high, across : across + wide] = scaled(piece, (high, wide))[0]
    return field


def _square(bright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = scaled(middle_square(bright[None]), (FIELD, FIELD))[0]
    return image

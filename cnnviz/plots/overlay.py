"""Images as files for the browser, and what a network looked at drawn over them."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def image_png(pixels: NDArray[np.uint8]) -> bytes:
    """An image (C, H, W) uint8, grey or RGB, as a PNG file."""
    rows = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rows)).save(file, "PNG", compress_level=1)
    return file.getvalue()

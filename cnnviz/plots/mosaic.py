"""Many small maps side by side in one picture, on a colour scale centred on zero.

Positive values are red, negative ones blue, and zero has (nearly) the colour of the page, in the light
theme as in the dark one.
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnviz.plots import palette

Values = NDArray[np.float32]
Layout = NDArray[np.intp]
Picture = NDArray[np.uint8]

GAP = -1
"""Marks the gaps in a layout."""

LONG_VECTOR = 64
"""A longer vector becomes a map."""

_ZERO = 128  # the middle of the 255 colours 1..255; the colour 0 is transparent


def as_maps(values: Values) -> Values:
    """``values`` of any shape as maps (N, H, W); a vector (N,) becomes N maps of one value, a very long
    one a single map with rows of 64, filled up with NaN.
    """
    if values.ndim >= 2:
        return values.reshape(-1, *values.shape[-2:])
    flat = values.reshape(-1)
    if flat.size <= LONG_VECTOR:
        return flat.reshape(-1, 1, 1)
    rows = -(-flat.size // LONG_VECTOR)
    padded = np.full(rows * LONG_VECTOR, np.nan, np.float32)
    padded[: flat.size] = flat
    return padded.reshape(1, rows, LONG_VECTOR)


def columns(count: int) -> int:
    """The number of columns for ``count`` square maps: wider than high, with full rows if possible."""
    wanted = math.sqrt(4 * count)
    full = [number for number in range(1, 17) if count % number == 0 and wanted / 2 <= number <= wanted * 2]
    return min(full, key=lambda number: abs(number - wanted)) if full else max(1, min(16, round(wanted)))


def layout(count: int, height: int, width: int, gaps: tuple[int, int], across: int | None = None) -> Layout:
    """Where each value of maps (count, height, width) stands: (rows, columns) of flat indices, or GAP.

    ``gaps`` are the free rows and columns between two maps; ``across`` maps stand in a row, without it
    :func:`columns` decides.
    """
    below, beside = gaps
    across = columns(count) if across is None else across
    down = -(-count // across)
    cells = np.full((down, height + below, across, width + beside), GAP, np.intp)
    numbers = np.full(down * across * height * width, GAP, np.intp)
    numbers[: count * height * width] = np.arange(count * height * width)
    cells[:, :height, :, :width] = numbers.reshape(down, across, height, width).transpose(0, 2, 1, 3)
    return cells.reshape(down * (height + below), across * (width + beside))[
        : -below or None, : -beside or None
    ]


def shrunk(maps: Values, side: int) -> Values:
    """``maps`` (N, H, W) with squares of pixels replaced by their means, so that none is larger than ``side``."""
    count, height, width = maps.shape
    factor = -(-max(height, width) // side)
    if factor <= 1:
        return maps
    down, across = -(-height // factor), -(-width // factor)
    padded = np.pad(maps, ((0, 0), (0, down * factor - height), (0, across * factor - width)), mode="edge")
    means: Values = padded.reshape(count, down, factor, across, factor).mean(axis=(2, 4), dtype=np.float32)
    return means


def mosaic(values: Values, limit: float, side: int = 48, gap: int = 2) -> Picture:
    """All maps of ``values`` in one picture, each about ``side`` pixels wide, ``gap`` pixels apart.

    Small maps are enlarged, each value to a square; large ones shrink to their means.

    Returns:
        (H, W) uint8: 0 is transparent, 1..255 runs from ``-limit`` to ``limit``, with 128 for zero.
    """
    maps = as_maps(values)
    count = len(maps)
    across = count if values.ndim < 2 and count <= 16 else columns(count)
    if values.ndim >= 2:
        maps = shrunk(maps, max(side, 240 // across))
    _, height, width = maps.shape
    scale = max(1, round(side / max(height, width)), -(-240 // (across * width)))
    if height == width == 1:  # the values of a vector would fill the page
        scale = side // 2
    scaled = maps.repeat(scale, axis=1).repeat(scale, axis=2)
    where = layout(count, height * scale, width * scale, (gap, gap), across)
    painted = coloured(scaled, limit).reshape(-1)
    return np.where(where == GAP, np.uint8(0), painted[where])


def tile(values: Values, limit: float, side: int = 96) -> Picture:
    """One map (H, W) as a picture: as it is, or shrunk to ``side``; the browser enlarges it."""
    return coloured(shrunk(values[None], side)[0], limit)


def coloured(values: Values, limit: float) -> Picture:
    """The colour of each value: 1..255 from ``-limit`` to ``limit``, 0 (transparent) for NaN."""
    positions = values / limit if limit > 0 else np.zeros_like(values)
    colours = np.rint(_ZERO + (_ZERO - 1) * np.clip(positions, -1, 1))
    return np.nan_to_num(colours, nan=0.0).astype(np.uint8)


def png(picture: Picture, dark: bool) -> bytes:
    """A picture of these colours as a PNG file, in those of the dark or the light theme."""
    image = Image.fromarray(picture)
    image.putpalette(_colour_table(dark))
    file = io.BytesIO()
    image.save(file, "PNG", transparency=0, compress_level=1)
    return file.getvalue()


def _colour_table(dark: bool) -> list[int]:
    """256 RGB triples: black, which is never seen, then the diverging scale from its first to its last."""
    stops = palette.DIVERGING_DARK if dark else palette.DIVERGING_LIGHT
    colours = np.array([[int(stop[start : start + 2], 16) for start in (1, 3, 5)] for stop in stops])
    positions = np.linspace(0, len(stops) - 1, 255)
    channels = [np.interp(positions, np.arange(len(stops)), colours[:, index]) for index in range(3)]
    table = np.rint(np.stack(channels, axis=1)).astype(int)
    return [0, 0, 0, *table.reshape(-1).tolist()]

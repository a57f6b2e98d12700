"""A layer's small map laid over the image: each of its places where its receptive field has its centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnviz.shapes.receptive_field.field import ReceptiveField

Values = NDArray[np.float32]


def centres(field: ReceptiveField, grid: tuple[int, int]) -> tuple[Values, Values] | None:
    """Where the centres of the receptive fields of a map's rows (h,) and columns (w,) lie, in pixels.

    The middle of the first pixel is 0. ``grid`` is the map's (h, w). None where the field is not known or not
    regular, or where several rows or columns have one and the same: then no place belongs to one of the image.
    """
    if not (field.known and field.regular) or field.grid != grid or len(field.size) != 2:
        return None
    first, last = field.patch(0, 0), field.patch(grid[0] - 1, grid[1] - 1)
    row_end, column_end = field.patch(grid[0] - 1, 0), field.patch(0, grid[1] - 1)
    if (row_end[0], column_end[1]) != (last[0], last[1]) or (row_end[1], column_end[0]) != (
        first[1],
        first[0],
    ):
        return None  # rows of the map are columns of the image
    if any(count > 1 and not jump for count, jump in zip(grid, field.jump, strict=True)):
        return None
    rows, columns = (
        (start + (size - 1) / 2 + jump * np.arange(count)).astype(np.float32)
        for start, size, jump, count in zip(field.start, field.size, field.jump, grid, strict=True)
    )
    return rows, columns


def placed(values: Values, field: ReceptiveField, size: tuple[int, int]) -> Values | None:
    """A map (h, w) as an image of ``size`` (H, W): linear between the places, fading within one step around them.

    None where :func:`centres` finds none.
    """
    height, width = values.shape
    found = centres(field, (height, width))
    if found is None:
        return None
    down, across = (
        _tents(middles, abs(jump), side) for middles, jump, side in zip(found, field.jump, size, strict=True)
    )
    image: Values = (down @ values @ across.T).astype(np.float32)
    return image


def _tents(middles: Values, jump: int, side: int) -> Values:
    """(side, places): how much each place counts at each pixel, 1 at its centre and 0 one ``jump`` away.

    The only place along a side counts everywhere.
    """
    if len(middles) == 1:
        return np.ones((side, 1), np.float32)
    distances = np.abs(np.arange(side, dtype=np.float32)[:, None] - middles)
    tents: Values = np.maximum(0, 1 - distances / jump)
    return tents

"""How the weights of a layer are distributed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 61  # odd: one of them has zero in its middle
MOST_COUNTED = 1_000_000
"""Of more weights than this only every second, third, ... is counted; the figures tell the same."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """``counts`` (bins,) of the values between ``edges`` (bins + 1,), which are symmetric around zero.

    ``mean``, ``deviation``, ``low`` and ``high`` are of all ``size`` values; ``every`` says that only every
    so many-th is among the counts.
    """

    size: int
    every: int
    mean: float
    deviation: float
    low: float
    high: float
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


def distribution(values: NDArray[np.float32], limit: float | None = None) -> Distribution:
    """The distribution of ``values`` of any shape, from ``-limit`` to ``limit`` (at first their largest)."""
    low, high = float(values.min()), float(values.max())
    flat = values.reshape(-1)
    mean = float(np.einsum("i->", flat, dtype=np.float64) / flat.size)
    square = float(np.einsum("i,i->", flat, flat, dtype=np.float64)) / flat.size
    every = -(-flat.size // MOST_COUNTED)
    end = max(abs(low), abs(high)) if limit is None else limit
    counts, edges = np.histogram(flat[::every], BINS, (-(end or 1.0), end or 1.0))
    return Distribution(flat.size, every, mean, max(square - mean**2, 0.0) ** 0.5, low, high, counts, edges)

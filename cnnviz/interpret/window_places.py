"""Which places of the input a window reads, along one dimension: one row of places for each output place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

PADDING = -1
"""The window's part lies beside the input, in its padding."""

BEYOND = -2
"""The window's part reads nothing: beyond the padding (``ceil_mode``), or in a gap."""


def sliding(
    outputs: int, inputs: int, *, kernel: int, stride: int, padding: int, dilation: int, ends: bool = False
) -> Places:
    """Windows ``stride`` apart: (outputs, kernel). Only where ``ends`` the padding ends after ``padding`` cells."""
    places = np.arange(outputs)[:, None] * stride - padding + np.arange(kernel) * dilation
    beyond = places >= inputs + padding
    places = np.where((places < 0) | (places >= inputs), PADDING, places)
    return np.where(beyond & ends, BEYOND, places)


def transposed(outputs: int, inputs: int, *, kernel: int, stride: int, padding: int, dilation: int) -> Places:
    """The windows of a transposed convolution: (outputs, kernel), with gaps where ``stride`` leaves some."""
    steps = np.arange(outputs)[:, None] + padding - np.arange(kernel) * dilation
    places = steps // stride
    reads = (steps % stride == 0) & (places >= 0) & (places < inputs)
    return np.where(reads, places, BEYOND)


def adaptive(outputs: int, inputs: int) -> Places:
    """Windows that share ``inputs`` places out evenly: (outputs, widest window).

    From floor(i * inputs / outputs) up to ceil((i + 1) * inputs / outputs), as PyTorch does.
    """
    begins = np.arange(outputs) * inputs // outputs
    ends = -(-(np.arange(1, outputs + 1) * inputs) // outputs)
    places = begins[:, None] + np.arange(int((ends - begins).max()))
    return np.where(places < ends[:, None], places, BEYOND)


def whole(inputs: int) -> Places:
    """One window over everything: (1, inputs)."""
    return np.arange(inputs)[None, :]

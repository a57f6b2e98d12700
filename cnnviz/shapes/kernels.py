"""Small kernels with readable numbers, to show what a convolution computes. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import UsageError, shortened
from cnnviz.language import Message

Kernel = NDArray[np.float64]

LARGEST = 999
"""The largest weight that may be typed, so that products stay readable."""


@dataclass(frozen=True)
class Preset:
    """A named kernel, available from ``least`` x ``least`` cells upwards."""

    title: Message
    least: int
    make: Callable[[int], Kernel]


def _vertical_edges(size: int) -> Kernel:
    """Right minus left (Prewitt's operator where ``size`` is 3)."""
    return np.tile(np.sign(np.arange(size) - (size - 1) / 2), (size, 1))


def _identity(size: int) -> Kernel:
    kernel = np.zeros((size, size))
    # With an even size: the cell that padding "same" puts over the pixel itself.
    kernel[(size - 1) // 2, (size - 1) // 2] = 1
    return kernel


def _sharpen(size: int) -> Kernel:
    kernel = 5 * _identity(size)
    middle = (size - 1) // 2
    for row, column in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        kernel[middle + row, middle + column] = -1
    return kernel


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "vertical-edges": Preset(Message("Vertical edges"), 2, _vertical_edges),
        "horizontal-edges": Preset(Message("Horizontal edges"), 2, lambda size: _vertical_edges(size).T),
        "blur": Preset(Message("Blur (mean)"), 1, lambda size: np.full((size, size), 1 / size**2)),
        "sharpen": Preset(Message("Sharpen"), 3, _sharpen),
        "identity": Preset(Message("Identity"), 1, _identity),
    }
)


def preset(name: str, size: int) -> Kernel:
    """The kernel ``name`` of ``PRESETS`` with ``size`` x ``size`` cells, float64.

    Raises:
        UsageError: the kernel needs more cells.
    """
    known = PRESETS[name]
    if size < known.least:
        raise UsageError(
            Message(
                "{title} compares neighbouring pixels, so it needs a kernel of at least {least} x "
                "{least}: enlarge the kernel or choose another one.",
                title=known.title,
                least=known.least,
            )
        )
    return known.make(size)


def parse(text: str, size: int) -> Kernel:
    """Read a typed kernel: rows separated by ``/``, numbers by spaces or commas.

    Raises:
        UsageError: it is not a table of ``size`` x ``size`` numbers.
    """
    rows = [row.replace(",", " ").split() for row in text.strip().strip("/").split("/")]
    if len(rows) != size or any(len(row) != size for row in rows):
        raise UsageError(
            Message(
                "A {size} x {size} kernel must be written as {size} rows of {size} numbers, with / "
                "between rows and spaces between numbers, such as {example}; got {text!r}.",
                size=size,
                example=written(_identity(size)),
                text=shortened(text),
            )
        )
    return np.array([[_weight(number) for number in row] for row in rows])


def written(kernel: Kernel) -> str:
    """``kernel`` as text that :func:`parse` reads."""
    return " / ".join(" ".join(f"{weight:g}" for weight in row) for row in kernel)


def _weight(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        raise UsageError(
            Message(
                "A kernel weight must be a number from {low} to {high}; got {text!r}.",
                text=shortened(text),
                low=-LARGEST,
                high=LARGEST,
            )
        )
    return number

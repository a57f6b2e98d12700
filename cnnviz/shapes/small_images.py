"""Small images whose pixels are numbers from 0 to 9, so that a person can follow the arithmetic.

Handwritten digits are real ones from the sample; the rest are simple patterns. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cnnviz.language import Message

BRIGHTEST = 9
Planes = NDArray[np.float64]
Digits = NDArray[np.uint8]

_MARGIN = 2  # of MNIST's 28 pixels: digits lie in the middle 20, and a small image has none to waste
_PATTERNS: Mapping[str, Message] = MappingProxyType(
    {
        "discs": Message("Discs"),
        "edge": Message("Edge"),
        "cross": Message("Cross"),
        "checker": Message("Checkerboard"),
        "ramp": Message("Ramp"),
        "point": Message("Single point"),
    }
)
NAMES: tuple[str, ...] = (*(f"digit-{digit}" for digit in range(10)), *_PATTERNS)


def title(name: str) -> Message:
    """The title of the image ``name`` (one of ``NAMES``)."""
    kind, _dash, digit = name.partition("-")
    return Message("Digit {digit}", digit=digit) if kind == "digit" else _PATTERNS[name]


def sample_digits() -> Digits:
    """A real digit of each class: (10, 28, 28) uint8, 255 is ink.

    Raises:
        DatasetMissingError: the sample is not installed; the message says what to do.
        DatasetDamagedError: its file is not what it should be.
    """
    from cnnviz.datasets import get, reading

    arrays = reading.read_sample(get("mnist-sample"))
    firsts = [int(np.flatnonzero(arrays.test_labels == digit)[0]) for digit in range(10)]
    return arrays.test_images[firsts, 0]


def small_image(name: str, size: tuple[int, int], colour: bool, digits: Digits | None) -> NDArray[np.uint8]:
    """The image ``name`` with ``size`` (height, width): (1, H, W) uint8, or (3, H, W) with ``colour``; 0 to 9.

    ``digits`` are those of :func:`sample_digits`; patterns need none.
    """
    if name.startswith("digit-"):
        if digits is None:
            raise ValueError(name)
        planes = _digit(digits[int(name[-1])], size, colour)
    else:
        planes = _pattern(name, size, colour)
    return np.rint(np.clip(planes, 0, 1) * BRIGHTEST).astype(np.uint8)


def resample(image: Planes, size: tuple[int, int]) -> Planes:
    """``image`` (H, W) resized to ``size``; each new pixel is the mean of the area that it covers."""
    rows, columns = (_shares(new, old) for new, old in zip(size, image.shape, strict=True))
    result: Planes = rows @ image @ columns.T
    return result


def _shares(new: int, old: int) -> Planes:
    """(new, old): the share of each old cell in each new one, along one side."""
    begin = np.arange(new)[:, None] * old / new
    cells = np.arange(old)[None, :]
    covered = np.minimum(begin + old / new, cells + 1) - np.maximum(begin, cells)
    shares: Planes = np.clip(covered, 0, None) * new / old
    return shares


def _digit(pixels: Digits, size: tuple[int, int], colour: bool) -> Planes:
    if max(size) < pixels.shape[0]:
        pixels = pixels[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    ink: Planes = resample(pixels / 255, size)
    ink = ink / max(float(ink.max()), 1e-9)
    if not colour:
        return ink.reshape(1, *size)
    across, _down = _coordinates(size)
    # A warm digit on a background from green to blue: all three channels differ.
    return np.stack([ink, 0.6 * ink + 0.5 * (1 - ink) * (1 - across), 0.7 * (1 - ink) * across])


def _coordinates(size: tuple[int, int]) -> tuple[Planes, Planes]:
    """The position of each pixel's centre across and down, from 0 to 1; both (H, W)."""
    height, width = size
    down, across = np.meshgrid(
        (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij"
    )
    return across, down


def _pattern(name: str, size: tuple[int, int], colour: bool) -> Planes:
    planes = _DRAWN[name](size)
    if colour:
        return planes
    grey: Planes = planes.mean(axis=0, keepdims=True) if name == "discs" else planes[:1]
    return grey


def _discs(size: tuple[int, int]) -> Planes:
    """Three discs of light, red, green and blue, that overlap."""
    across, down = _coordinates(size)
    centres = ((0.5, 0.36), (0.36, 0.62), (0.64, 0.62))
    distances = [np.hypot(across - x, down - y) for x, y in centres]
    return np.stack([np.clip((0.36 - distance) * 8, 0, 1) for distance in distances])


def _edge(size: tuple[int, int]) -> Planes:
    across, _down = _coordinates(size)
    right = (across > 0.5).astype(float)
    return np.stack([right, 0.5 * right + 0.2, 1 - right])


def _cross(size: tuple[int, int]) -> Planes:
    across, down = _coordinates(size)
    upright = np.abs(across - 0.5) < max(0.12, 0.51 / size[1])
    level = np.abs(down - 0.5) < max(0.12, 0.51 / size[0])
    return np.stack([upright | level, upright, level]).astype(float)


def _checker(size: tuple[int, int]) -> Planes:
    rows, columns = np.indices(size)
    field = max(1, min(size) // 5)
    odd = (rows // field + columns // field) % 2
    return np.stack([odd, 1 - odd, 0.5 * odd + 0.25])


def _ramp(size: tuple[int, int]) -> Planes:
    across, down = _coordinates(size)
    return np.stack([across, down, 1 - across])


def _point(size: tuple[int, int]) -> Planes:
    """One bright pixel: the output is the kernel itself, rotated by 180 degrees."""
    planes = np.zeros((3, *size))
    planes[:, size[0] // 2, size[1] // 2] = 1
    return planes


_DRAWN: Mapping[str, Callable[[tuple[int, int]], Planes]] = MappingProxyType(
    {"discs": _discs, "edge": _edge, "cross": _cross, "checker": _checker, "ramp": _ramp, "point": _point}
)

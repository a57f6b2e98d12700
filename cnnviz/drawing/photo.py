"""Find the ink in a photo or file of a digit: on paper or on a blackboard, in uneven light.

Paper has no fixed colour in a photo: it is grey in the shade and yellow under a lamp. So each pixel is compared
with its surroundings, not with one colour for all.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cnnviz.drawing.prepare import Prepared, prepared_from_ink, to_mnist

Grey = NDArray[np.float32]

SIDE = 240
"""The longer side, in pixels, at which ink is searched: strokes are wide enough to be found, noise is not."""

_EVEN = 0.1  # of a colour's range: along the edge pictures vary less, photos more
_AROUND = 0.12  # of the longer side: within this distance of a stroke there is always some paper
_SOFT = 6.0  # pixels: the closing leaves steps, and shadows have edges
_CONTRAST = 0.12  # (of 1) between a pixel of ink and the paper, at least: less is paper's own texture
_CLEAR = 0.2  # ... and on average: less is a shadow
_SPECK = 0.02  # of the largest piece of ink: anything smaller is dirt
_BORDER = 0.25  # a piece of ink along this much of the picture's edge is the edge of the paper
_LEAST_INK = 0.002  # of the picture: less is dirt
_MOST_INK = 0.6  # of the picture: if more differs from its surroundings, there is no paper


def from_picture(rgba: NDArray[np.uint8]) -> Prepared | None:
    """Convert the digit in a picture (H, W, 4) uint8 to the form of an MNIST digit; None if none is found.

    It may be dark on light or light on dark: the ink is whatever there is less of. A picture with a uniform edge
    was made on a screen and is used directly; any other is treated as a photo.
    """
    if has_even_ground(rgba):
        return to_mnist(rgba)
    return prepared_from_ink(ink_of_photo(rgba))


def ink_of_photo(rgba: NDArray[np.uint8]) -> Grey:
    """The amount of ink at each pixel: (H, W, 4) uint8 -> (h, w) float32 from 0 to 1, its longer side 240 pixels.

    All 0 if no ink is found.
    """
    grey = _grey(rgba)
    differences = [_darker_than_around(grey), _darker_than_around(1 - grey)]
    candidates = [(difference, _cleaned(difference)) for difference in differences]
    strongest = max(_contrast(*each) for each in candidates)
    clear = [ink for difference, ink in candidates if _contrast(difference, ink) >= strongest / 2]
    # The background stands out from the ink, too: as blots around the strokes, which are larger.
    ink = min(clear, key=_size)
    return ink if strongest >= _CLEAR and _size(ink) < math.inf else np.zeros_like(ink)


def has_even_ground(rgba: NDArray[np.uint8]) -> bool:
    """Whether a picture (H, W, 4) uint8 has a uniform colour along its edge."""
    outline = np.concatenate([rgba[0], rgba[-1], rgba[:, 0], rgba[:, -1]]).astype(np.int64)
    outline[:, :3] *= outline[:, 3:]  # transparent pixels have no colour
    return bool((np.ptp(outline, axis=0) < (_EVEN * 255**2,) * 3 + (_EVEN * 255,)).all())


def _grey(rgba: NDArray[np.uint8]) -> Grey:
    """The brightness 0..1 on white paper, with a longer side of 240 pixels."""
    image = Image.alpha_composite(Image.new("RGBA", rgba.shape[1::-1], "white"), Image.fromarray(rgba))
    grey = image.convert("L")
    factor = SIDE / max(grey.size)
    size = (max(1, round(grey.width * factor)), max(1, round(grey.height * factor)))
    grey = grey.resize(size, Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR)
    return np.asarray(grey, np.float32) / np.float32(255)


def _darker_than_around(grey: Grey) -> Grey:
    """How much darker each pixel is than the paper around it, from 0 to 1, relative to the paper's brightness.

    The paper is the lightest thing nearby, wider than any stroke; it is smoothed to avoid steps.
    """
    around = max(1, round(max(grey.shape) * _AROUND))
    picture = Image.fromarray(np.rint(grey * 255).astype(np.uint8)).filter(ImageFilter.MedianFilter(3))
    # Morphological closing: the lightest nearby, and then the darkest of that, which removes the strokes.
    paper = -_largest(-_largest(np.asarray(picture, np.float32), around), around)
    smooth = Image.fromarray(paper.astype(np.uint8)).filter(ImageFilter.GaussianBlur(_SOFT))
    light = np.asarray(smooth, np.float32) / np.float32(255)
    difference = (light - grey) / np.maximum(light, 0.3)
    return np.asarray(np.clip(difference, 0, 1), np.float32)


def _largest(values: Grey, around: int) -> Grey:
    """The largest value within ``around`` pixels, along rows and then along columns."""
    for axis in (0, 1):
        padded = np.pad(values, [(around, around) if axis == side else (0, 0) for side in (0, 1)], "edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1, axis=axis)
        values = windows.max(axis=-1)
    return values


def _contrast(difference: Grey, ink: Grey) -> float:
    """How much the ink differs from the paper beside it, from 0 to 1."""
    strokes = difference[ink > 0.5]
    return float(np.median(strokes)) if strokes.size else 0.0


def _size(ink: Grey) -> float:
    """The fraction of the picture that the ink takes; infinite if there is none, or just a speck."""
    part = float((ink > 0.5).mean())
    return part if part > _LEAST_INK else math.inf


def _cleaned(ink: Grey) -> Grey:
    """The ink without paper, dirt and the edges of the sheet; the darkest strokes are 1."""
    limit = max(_CONTRAST, _threshold(ink))
    mask = ink > limit
    if not mask.any() or mask.mean() > _MOST_INK:
        return np.zeros_like(ink)
    pieces = regions(mask)
    kept = _digits_own(pieces, mask.shape)
    strokes = np.isin(pieces, kept)
    # Soft edges belong to the strokes beside them.
    near = _largest(strokes.astype(np.float32), 1) > 0
    strongest = float(np.quantile(ink[strokes], 0.9))
    found: Grey = np.where(near & (pieces == 0) | strokes, np.clip(ink / strongest, 0, 1), 0).astype(
        np.float32
    )
    found[found < limit / strongest / 2] = 0
    return found


def _threshold(ink: Grey) -> float:
    """The threshold between paper and ink at which the two classes differ most (Otsu 1979, IEEE Trans. SMC 9, p. 62)."""
    counts, edges = np.histogram(ink, bins=64, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), counts.sum()
    mass = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mass[-1] * below / total - mass) ** 2 / (below * (total - below))
    return float(edges[int(np.nanargmax(np.where(np.isfinite(between), between, -1))) + 1])


def _digits_own(pieces: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The numbers of the pieces that may be strokes of the digit."""
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    edge = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    along = np.bincount(edge, minlength=len(sizes))
    inside = along < _BORDER * min(shape)
    candidates = sizes * inside if (sizes * inside).any() else sizes
    return np.flatnonzero(candidates > _SPECK * candidates.max())


def regions(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The connected components of ``mask`` (H, W), numbered from 1, 0 elsewhere; diagonal neighbours are connected.

    Each row is divided into runs; a run that touches one in the row above belongs to the same component.
    """
    parents: list[int] = [0]

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    labels = np.zeros(mask.shape, np.int64)
    above: list[tuple[int, int, int]] = []
    for row, values in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]])))
        here = []
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            touching = [root(number) for first, last, number in above if first <= end and last >= begin]
            number = min(touching, default=len(parents))
            if not touching:
                parents.append(number)
            for other in touching:
                parents[other] = number
            labels[row, begin:end] = number
            here.append((begin, end, number))
        above = here
    roots = np.array([root(number) for number in range(len(parents))])
    return np.unique(roots, return_inverse=True)[1][labels]

"""Pictures from files: reading them, and finding the digit or the piece of clothing that a network is asked about."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFilter, ImageOps, UnidentifiedImageError

from cnnviz.drawing.prepare import FAINT, FIELD, Prepared, bounding_box, prepared_from_ink, to_mnist
from cnnviz.errors import CnnvizError
from cnnviz.interpret.inputs import middle_square, on_paper, scaled, with_channels
from cnnviz.language import Message

MAX_BYTES = 20_000_000
MAX_PIXELS = 25_000_000


class ImageFileError(CnnvizError):
    """An image file that cannot be read; the message says why and what to do."""


def load_drawing(path: Path) -> NDArray[np.uint8]:
    """Read an image file as (H, W, 4) uint8: red, green, blue, alpha.

    Grey, colour, palette, CMYK and 16-bit images, with transparency or without, in any format that
    Pillow reads; of an animation the first frame; rotated as the camera recorded. The size in bytes and in pixels is
    checked before anything is decoded.

    Raises:
        ImageFileError: the file is missing, too large, damaged, or no image.
    """
    _check_file(path)
    try:
        # Read whole: of a TIFF file that it maps into memory, Pillow forgets how the image is to be turned.
        data = path.read_bytes()
    except OSError as error:
        raise ImageFileError(_damaged(str(path), error)) from None
    return _decoded(io.BytesIO(data), str(path))


def read_reduced(data: bytes, name: str, side: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Like :func:`load_drawing`, for the bytes of an uploaded file called ``name``; a large picture is reduced while it is
    decoded, so that little memory is needed.

    Returns:
        the picture, whose longer side has fewer than 4 times ``side`` pixels, and at least ``side`` where it had so
        many; and the height and width that it had.

    Raises:
        ImageFileError: it is too large, damaged, or no image.
    """
    _check_size(len(data), name)
    original = 0, 0

    def reduce(image: Image.Image) -> Image.Image:
        nonlocal original
        # Pillow gives the size of a TIFF file as it will be once turned.
        lies = image.format != "TIFF" and image.getexif().get(ExifTags.Base.Orientation, 1) >= _FIRST_TURNED
        original = (image.width, image.height) if lies else (image.height, image.width)
        return _reduced(image, side)

    return _decoded(io.BytesIO(data), name, reduce), original


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """``image``, whose longer side is divided by a whole number; what is left has at least ``2 * side`` pixels."""
    factor = max(image.size) // (2 * side)
    if factor < 2:
        return image
    wanted = image.width // factor, image.height // factor
    image.draft(None, wanted)  # JPEG's own way, which decodes no more than is needed
    left = max(image.size) // (2 * side)
    if left < 2:
        return image
    if image.mode.startswith("I;16"):
        whole = image.convert("I")
    elif image.mode in ("1", "P", "PA"):  # their numbers are no brightness, and cannot be averaged
        whole = image.convert("L" if image.mode == "1" else "RGBA")
    else:
        whole = image
    reduced = whole.reduce(left)
    reduced.getexif().update(image.getexif())
    return reduced


def _decoded(
    file: io.BytesIO, name: str, change: Callable[[Image.Image], Image.Image] = lambda image: image
) -> NDArray[np.uint8]:
    try:
        with Image.open(file) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageFileError(_too_many_pixels(name))
            return _as_rgba(ImageOps.exif_transpose(change(image)))
    except UnidentifiedImageError:
        raise ImageFileError(
            Message("Cannot read {path} as an image; use a PNG or JPEG file.", path=name)
        ) from None
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ):  # a warning, if warnings are errors
        raise ImageFileError(_too_many_pixels(name)) from None
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises all three for damaged files
        raise ImageFileError(_damaged(name, error)) from None


def _damaged(name: str, reason: Exception) -> Message:
    return Message("The image {path} is damaged ({reason}); save it again.", path=name, reason=reason)


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        raise ImageFileError(
            Message("The file {path} does not exist; check the name and the folder.", path=path)
        ) from None
    if not path.is_file():
        raise ImageFileError(Message("{path} is a folder; choose an image file in it.", path=path))
    _check_size(size, str(path))


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise ImageFileError(
            Message(
                "The image {path} has {size:,} bytes; the limit is {limit:,}. Save a smaller version.",
                path=name,
                size=size,
                limit=MAX_BYTES,
            )
        )


def _too_many_pixels(name: str) -> Message:
    return Message(
        "The image {path} has more than {limit:,} pixels. Save a smaller version.",
        path=name,
        limit=MAX_PIXELS,
    )


def _as_rgba(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits of grey: Pillow would cut them off, not scale them
        grey = np.asarray(image, dtype=np.float64)
        grey = np.nan_to_num(grey, posinf=0.0, neginf=0.0)
        low, high = float(grey.min()), float(grey.max())
        image = Image.fromarray(((grey - low) * (255 / ((high - low) or 1))).astype(np.uint8))
    rgba: NDArray[np.uint8] = np.asarray(image.convert("RGBA"))
    return rgba


Grey = NDArray[np.float32]

SIDE = 240
"""The longer side, in pixels, at which ink is searched: strokes are wide enough to be found, noise is not."""

_FIRST_TURNED = 5  # EXIF orientations from here on exchange width and height
_EVEN = 0.1  # of a colour's range: along the edge pictures vary less, photos more
_AROUND = 0.12  # of the longer side: within this distance of a stroke there is always some paper
_SOFT = 6.0  # pixels: the closing leaves steps, and shadows have edges
_CONTRAST = 0.12  # (of 1) between a pixel of ink and the paper, at least: less is paper's own texture
_CLEAR = 0.2  # ... and on average: less is a shadow
_SPECK = 0.02  # of the largest piece of ink: anything smaller is dirt
_BORDER = 0.25  # a piece of ink along this much of the picture's edge is the edge of the paper
_LEAST_INK = 0.002  # of the picture: less is dirt
_MOST_INK = 0.6  # of the picture: if more differs from its surroundings, there is no paper


def digit_from_picture(rgba: NDArray[np.uint8]) -> Prepared | None:
    """Convert the digit in a picture (H, W, 4) uint8 to the form of an MNIST digit; None if none is found.

    It may be dark on light or light on dark: the ink is whatever there is less of. A picture with a uniform edge
    was made on a screen and is used directly; any other is treated as a photo.

    Paper has no fixed colour in a photo: it is grey in the shade and yellow under a lamp. So each pixel is compared
    with its surroundings, not with one colour for all.
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


def garment_from_picture(rgba: NDArray[np.uint8]) -> Garment:
    """Convert a picture (H, W, 4) uint8 to the form of a Fashion-MNIST image.

    Those were made from a shop's photos on light ground: cropped to the piece, its longer side resized to 28 pixels,
    centred, converted to grey and inverted (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747, section 2).

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

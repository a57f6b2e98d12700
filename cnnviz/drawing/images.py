"""Read an image file as a drawing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cnnviz.errors import CnnvizError
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
    return _decoded(path, str(path))


def read_drawing(data: bytes, name: str) -> NDArray[np.uint8]:
    """Like :func:`load_drawing`, for the bytes of an uploaded file called ``name``.

    Raises:
        ImageFileError: it is too large, damaged, or no image.
    """
    _check_size(len(data), name)
    return _decoded(io.BytesIO(data), name)


def _decoded(file: Path | io.BytesIO, name: str) -> NDArray[np.uint8]:
    try:
        with Image.open(file) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageFileError(_too_many_pixels(name))
            return _as_rgba(ImageOps.exif_transpose(image))
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
        raise ImageFileError(
            Message("The image {path} is damaged ({reason}); save it again.", path=name, reason=error)
        ) from None


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

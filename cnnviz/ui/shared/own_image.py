"""A person's own image file: read within limits, kept small, known again on the next visit of the page."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.language import translate as _

KEPT = 512
"""Pixels of the longer side that are kept of an image: more than any network here takes."""

_TYPES = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"]
_KEY = "own-image"
_MILLION = 1_000_000


@dataclass(frozen=True, eq=False)
class OwnImage:
    """``image`` (H, W, 4) uint8 of at most :data:`KEPT` pixels a side, of a file whose ``size`` was (height,
    width) pixels.
    """

    image: NDArray[np.uint8]
    size: tuple[int, int]


def own_image(camera: bool = False) -> OwnImage | None:
    """The image file that a person chose, or the photo that was taken; None where there is none yet.

    Raises:
        ImageFileError: it is too large, damaged, or no image.
    """
    if camera:
        file = st.camera_input(_("Photo"), key="camera")
    else:
        file = st.file_uploader(_label(), type=_TYPES, key="upload", max_upload_size=_most_megabytes())
    kept = _KEY if not camera else f"{_KEY}-camera"
    if file is not None and st.session_state.get(kept, ("", None))[0] != file.file_id:
        st.session_state.pop(kept, None)
        st.session_state[kept] = file.file_id, _read(file.getvalue(), file.name)
    if kept not in st.session_state:
        st.info(
            _("Choose a picture: the network sees it, but it is not stored."), icon=":material/upload_file:"
        )
        return None
    own: OwnImage = st.session_state[kept][1]
    return own


def _most_megabytes() -> int:
    """What the widget takes: as much as is read of an image file, and no more than the server takes."""
    from cnnviz.drawing.pictures import MAX_BYTES

    return min(math.ceil(MAX_BYTES / _MILLION), int(st.get_option("server.maxUploadSize")))


def _label() -> str:
    from cnnviz.drawing.pictures import MAX_PIXELS

    return _("Image file (up to {limit} megapixels)", limit=MAX_PIXELS // _MILLION)


def _read(data: bytes, name: str) -> OwnImage:
    from cnnviz.drawing.pictures import read_drawing
    from cnnviz.interpret.inputs import scaled

    rgba = read_drawing(data, name)
    height, width = rgba.shape[:2]
    factor = min(1.0, KEPT / max(height, width))
    size = max(1, round(height * factor)), max(1, round(width * factor))
    small = np.ascontiguousarray(scaled(rgba.transpose(2, 0, 1), size).transpose(1, 2, 0))
    return OwnImage(small, (height, width))

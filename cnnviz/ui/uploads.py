"""A person's own image file: read within limits, kept small, known again on the next visit of the page."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.language import translate as _
from cnnviz.ui.weights import Weights

KEPT = 512
"""Pixels of the longer side that are kept of an image: more than any network here takes."""

_TYPES = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"]
_KEY = "own-image"


def choose_upload(weights: Weights) -> NDArray[np.uint8] | None:
    """The image file that a person chose, (C, H, W) uint8; None where there is none yet.

    For a network that reads handwritten digits it is prepared as these were.

    Raises:
        ImageFileError: it is too large, damaged, or no image.
    """
    rgba = own_image()
    return None if rgba is None else _pixels(rgba, weights)


def own_image(camera: bool = False) -> NDArray[np.uint8] | None:
    """The image file that a person chose, or the photo that was taken, (H, W, 4) uint8, of at most
    :data:`KEPT` pixels a side; None where there is none yet.

    Raises:
        ImageFileError: it is too large, damaged, or no image.
    """
    if camera:
        file = st.camera_input(_("A photo"), key="camera")
    else:
        file = st.file_uploader(_("An image file"), type=_TYPES, key="upload")
    kept = _KEY if not camera else f"{_KEY}-camera"
    if file is not None and st.session_state.get(kept, ("", None))[0] != file.file_id:
        st.session_state.pop(kept, None)
        st.session_state[kept] = file.file_id, _read(file.getvalue(), file.name)
    if kept not in st.session_state:
        st.info(
            _("Choose a picture: it is shown to the network and not kept."), icon=":material/upload_file:"
        )
        return None
    image: NDArray[np.uint8] = st.session_state[kept][1]
    return image


def _read(data: bytes, name: str) -> NDArray[np.uint8]:
    """The image in at most :data:`KEPT` pixels, (H, W, 4) uint8."""
    from cnnviz.drawing.images import read_drawing
    from cnnviz.interpret.inputs import scaled

    rgba = read_drawing(data, name)
    height, width = rgba.shape[:2]
    factor = min(1.0, KEPT / max(height, width))
    size = max(1, round(height * factor)), max(1, round(width * factor))
    return np.ascontiguousarray(scaled(rgba.transpose(2, 0, 1), size).transpose(1, 2, 0))


def _pixels(rgba: NDArray[np.uint8], weights: Weights) -> NDArray[np.uint8] | None:
    from cnnviz.drawing.photo import from_picture
    from cnnviz.interpret.inputs import on_paper

    if not weights.reads_digits:
        return on_paper(rgba)
    prepared = from_picture(rgba)
    if prepared is None:
        st.info(_("No digit is found in this picture."), icon=":material/draw:")
        return None
    st.caption(
        _(
            "This network reads handwritten digits: the ink was found, brought to 20 pixels and centred in "
            "28 x 28, as MNIST's digits were."
        )
    )
    return prepared.image[None]

"""A person's own image file, prepared for one network."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.language import translate as _
from cnnviz.ui.draw.draw import CLOTHING
from cnnviz.ui.draw.stages import turned_sentence
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared.own_image import own_image


def choose_upload(weights: Weights) -> NDArray[np.uint8] | None:
    """The image file that a person chose, (C, H, W) uint8; None where there is none yet.

    For a network that reads handwritten digits, or pieces of clothing, it is prepared as these were.

    Raises:
        ImageFileError: it is too large, damaged, or no image.
    """
    own = own_image()
    return None if own is None else _pixels(own.image, weights)


def _pixels(rgba: NDArray[np.uint8], weights: Weights) -> NDArray[np.uint8] | None:
    from cnnviz.interpret.inputs import on_paper

    if weights.reads_digits:
        return _digit(rgba)
    return _garment(rgba) if weights.dataset == CLOTHING else on_paper(rgba)


def _digit(rgba: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    from cnnviz.drawing.photo import from_picture

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


def _garment(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from cnnviz.drawing.garment import from_picture

    garment = from_picture(rgba)
    st.caption(turned_sentence(garment))
    return garment.image[None]

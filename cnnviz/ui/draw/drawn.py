"""The drawing of the Draw page, for the other pages of the same session."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

_KEY = "drawn"


def remember(image: NDArray[np.uint8] | None) -> None:
    """Keep the drawing as networks get it, (28, 28) uint8, 255 is ink; None where nothing is drawn."""
    st.session_state[_KEY] = image


def recalled() -> NDArray[np.uint8] | None:
    """What :func:`remember` kept last; None where nothing is drawn yet."""
    image: NDArray[np.uint8] | None = st.session_state.get(_KEY)
    return image

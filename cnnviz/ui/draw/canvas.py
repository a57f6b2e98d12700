"""The drawing canvas: pen and eraser, undo, example digits, and what networks read while the pen moves.

All of it happens in the browser, which keeps the drawing while other pages are visited. The server hears of it when
the pen rests: the picture, and the image that the networks got.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.browser import script
from cnnviz.classroom.controls import Control
from cnnviz.classroom.people import new_token
from cnnviz.drawing import Prepared, to_mnist
from cnnviz.drawing.prepare import FIELD
from cnnviz.drawing.strokes import example_points
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.ui.inside.example import remember_drawing
from cnnviz.ui.shared import controls
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import choose_number, put_in_link
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.query import query

SIDE = 320
PAPER = (0, 0, 0, 255)
PENS = (12, 40, 24)

_MOST_CHARACTERS = 400_000
"""Of a picture as the browser sends it; noise in every pixel takes less."""

_SHEET, _NOW, _SESSION = "sheet", "sheet_now", "sheet_session"
_PEN, _PEN_BEFORE = "pen", "sheet_pen"

_EXAMPLES = example_points()
_HERE = Path(__file__).parent
_component = in_browser(
    _HERE / "sheet",
    ("dom", "paint", "strokes", "board", "camera", "keys", "delivery", "sheet"),
    {"WORKER": script.joined(script.READING)},
    isolated=False,
)
_follower = in_browser(_HERE / "following", ("dom", "delivery", "following"), isolated=False)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A drawing: ``image`` (H, W, 4) uint8, and what the networks get.

    ``redrawn``: it was redrawn with a finer pen, because the person's own pen hid the shape.
    """

    image: NDArray[np.uint8]
    prepared: Prepared
    redrawn: bool


@fragment()
def draw() -> None:
    """The canvas and its tools: what is drawn reruns this part of the page alone, and only when the pen rests."""
    if _PEN not in st.session_state and _PEN_BEFORE in st.session_state and _PEN not in query:
        # Streamlit forgets a page's widgets when the page is left.
        put_in_link(_PEN, st.session_state[_PEN_BEFORE], PENS[-1])
    area, notes = st.container(), st.container()
    thinnest, thickest, usual = PENS
    pen = choose_number(
        _("Pen width"),
        key=_PEN,
        low=thinnest,
        high=thickest,
        default=usual,
        notes=notes,
        widget=st.slider,
        format="%d px",
    )
    st.session_state[_PEN_BEFORE] = pen
    with area:
        _component(
            data={
                "side": SIDE,
                "pen": pen,
                "usual": usual,
                "session": st.session_state.setdefault(_SESSION, new_token()),
                "examples": _EXAMPLES,
                "films": controls.may_use(Control.UPLOADS),
                "scales": {
                    "light": palette.rgb(palette.DIVERGING_LIGHT),
                    "dark": palette.rgb(palette.DIVERGING_DARK),
                },
                "words": _words(),
            },
            key=_SHEET,
            on_drawing_change=_hear,
        )


def follow(name: str, labels: Mapping[str, str] | None = None) -> None:
    """Let the part of the page around this be run again when a new drawing is there and the part is in sight.

    It stands in a container whose key is ``follows-<name>``. ``labels`` are what the networks say that the server
    reads, by their ids.
    """
    now = st.session_state.get(_NOW)
    _follower(
        data={"shown": None if now is None else now["number"], "labels": labels},
        key=f"following-{name}",
        on_wanted_change=lambda: None,
    )


def drawn() -> Sheet | None:
    """What is on the canvas, as the browser told last; None where nothing is drawn.

    Raises:
        CnnvizError: what the browser sent is no drawing.
    """
    now = st.session_state.get(_NOW)
    if now is None or now.get("image") is None:
        return None
    image = _pixels(now.get("picture"))
    redrawn = now.get("redrawn") is not None
    prepared = to_mnist(_pixels(now["redrawn"]) if redrawn else image, PAPER)
    if prepared is None:
        raise _unreadable()
    # The browser's own image, for the networks here to read the same as those there.
    return Sheet(image, replace(prepared, image=_image(now["image"])), redrawn)


def _hear() -> None:
    told = st.session_state[_SHEET].get("drawing")
    if not isinstance(told, Mapping) or not isinstance(told.get("number"), int):
        return
    st.session_state[_NOW] = told
    image = told.get("image")
    try:
        remember_drawing(None if image is None else _image(image))
    except CnnvizError:  # said where the drawing would be shown
        remember_drawing(None)


def _pixels(address: object) -> NDArray[np.uint8]:
    """The pixels (SIDE, SIDE, 4) uint8 of a PNG file in a data address."""
    from PIL import Image

    if not isinstance(address, str) or len(address) > _MOST_CHARACTERS:
        raise _unreadable()
    try:
        content = base64.b64decode(address.partition(",")[2], validate=True)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.size != (SIDE, SIDE):
                raise _unreadable()
            return np.asarray(picture.convert("RGBA"))
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable() from error


def _image(text: object) -> NDArray[np.uint8]:
    """The image (28, 28) uint8 that the networks got, from its bytes in base64."""
    try:
        content = base64.b64decode(str(text), validate=True)
    except ValueError as error:
        raise _unreadable() from error
    if len(content) != FIELD * FIELD:
        raise _unreadable()
    return np.frombuffer(content, np.uint8).reshape(FIELD, FIELD)


def _unreadable() -> CnnvizError:
    return CnnvizError(Message("The drawing could not be read. Draw it again."))


def _words() -> dict[str, Any]:
    return {
        "canvas": _(
            "Drawing canvas. With the keyboard: the arrow keys move the pen, the space bar puts it down and "
            "lifts it. Or use the examples below."
        ),
        "seen": _("Network input"),
        "pen": _("Pen"),
        "eraser": _("Eraser"),
        "undo": _("Undo"),
        "clear": _("Clear"),
        "camera": _("Live camera"),
        "noCamera": _("The camera cannot be used: {reason}"),
        "examples": _("Start from an example"),
        "here": _("Draw a digit here:"),
        "none": _("No network chosen."),
        "one": _("Prediction: {label}"),
        "all": _("All {count} networks: {label}"),
        "some": _("{count} of {all} networks: {label}"),
        "others": _("Others: {labels}"),
        "empty": _("The canvas is empty, so there is no prediction yet."),
        "small": _(
            "This drawing is small, and the thick pen hides its shape: draw it larger or with a "
            "thinner pen for a more reliable prediction."
        ),
        "notFound": _("No digit found in this picture. Move closer, use more light, or use a thicker pen."),
        "filmed": _("What the camera sees stays in your browser."),
        "stays": _("The drawing stays while you visit other pages; reloading this page clears it."),
    }

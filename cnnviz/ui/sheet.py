"""The sheet that one draws on: canvas, pen and eraser, undo, digits to begin with.

The canvas lives in the browser and sends its picture after each stroke. What it began with, and what is on it
now, is kept in the session: so a drawing is still there when the person comes back from another page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.drawing import Prepared, to_mnist
from cnnviz.drawing.examples import NAMES, example
from cnnviz.drawing.strokes import BLACK, WHITE, drawing_of, finer, rendered, strokes_of
from cnnviz.language import translate as _
from cnnviz.ui.number import choose_number

SIDE = 320
PAPER = (0, 0, 0, 255)
PENS = (12, 40, 24)
SMALL = 1 / 4
"""A drawing whose longest side is a smaller part of the canvas's is mostly the pen's own shape."""

_WIDER = 1.6
"""An eraser is so much wider than the pen: or else a grey rim of the strokes would stay."""

_NOW, _START, _GENERATION = "sheet_now", "sheet_start", "canvas_generation"
_PEN, _ERASER = "pen", "eraser"

Drawing = Mapping[str, Any]
"""What is on the canvas, as the canvas describes it: its strokes."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """What is drawn, ``image`` (H, W, 4) uint8, and what the networks get of it.

    ``redrawn`` tells that they get it from a finer pen, because the person's own hid the shape.
    """

    image: NDArray[np.uint8]
    prepared: Prepared
    redrawn: bool


def draw() -> Sheet | None:
    """The canvas and its tools; None while nothing is drawn.

    Raises:
        Exception: what the browser sent is no drawing.
    """
    image, drawing = _canvas()
    if image is None:
        return None
    fine = finer(strokes_of(drawing) or (), SIDE)
    prepared = to_mnist(image if fine is None else fine, PAPER)
    return None if prepared is None else Sheet(image, prepared, redrawn=fine is not None)


def is_small(sheet: Sheet) -> bool:
    """Whether the pen hides the shape of the drawing."""
    height, width = sheet.prepared.box[2:]
    return not sheet.redrawn and max(height, width) < SMALL * max(sheet.prepared.ink.shape)


def _canvas() -> tuple[NDArray[np.uint8] | None, Drawing | None]:
    from streamlit_drawable_canvas import st_canvas

    state = st.session_state
    if _PEN not in state and state.get(_NOW):  # Streamlit forgets a page's widgets when the page is left
        _begin(state[_NOW])
    area = st.container()  # above the tools that decide about its pen
    pen, erases = _tools()
    with area:
        result = st_canvas(
            stroke_width=round(pen * _WIDER) if erases else pen,
            stroke_color=BLACK if erases else WHITE,
            background_color=BLACK,
            width=SIDE,
            height=SIDE,
            initial_drawing=state.get(_START),
            return_image_data=True,
            key=f"canvas-{state.setdefault(_GENERATION, 0)}",
        )
    if result.image_data is not None:
        state[_NOW] = getattr(result, "json_data", None)
        return result.image_data, state[_NOW]
    # The canvas sends nothing of what it began with.
    strokes = strokes_of(state.get(_START))
    return (rendered(strokes, SIDE), state[_START]) if strokes else (None, None)


def _tools() -> tuple[int, bool]:
    """The width of the pen in pixels, and whether it erases."""
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        tool = st.segmented_control(
            _("Tool"),
            [_PEN, _ERASER],
            format_func=lambda name: ":material/edit:" if name == _PEN else ":material/ink_eraser:",
            default=_PEN,
            required=True,
            key="tool",
            label_visibility="collapsed",
            help=_("Pen or eraser"),
        )
        st.button(_("Undo"), icon=":material/undo:", on_click=_undo, key="undo")
        st.button(_("Clear"), icon=":material/delete:", on_click=_begin, args=(None,), key="clear")
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
    st.pills(_("Start from an example"), NAMES, key="example", on_change=_start_from_example)
    return pen, tool == _ERASER


def _start_from_example() -> None:
    name = st.session_state["example"]
    st.session_state["example"] = None
    if name is not None:
        _begin(drawing_of(example(name, SIDE, PENS[-1])))


def _undo() -> None:
    drawing = st.session_state.get(_NOW) or st.session_state.get(_START) or {}
    strokes = drawing.get("objects") or []
    _begin({"objects": strokes[:-1]} if len(strokes) > 1 else None)


def _begin(drawing: Drawing | None) -> None:
    """A fresh canvas with ``drawing`` on it; another key makes it another canvas for the browser."""
    state = st.session_state
    state[_START] = state[_NOW] = drawing
    state[_GENERATION] = state.get(_GENERATION, 0) + 1

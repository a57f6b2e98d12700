"""The drawing canvas: pen and eraser, undo, example digits.

The canvas lives in the browser and sends its picture after each stroke. What it began with, and what is on it
now, is kept in the session: so a drawing is still there when the person comes back from another page. The
pictures are kept, too: a canvas sends none of what it begins with.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.drawing import Prepared, to_mnist
from cnnviz.drawing.strokes import BLACK, EXAMPLES, WHITE, drawing_of, example, finer, rendered, strokes_of
from cnnviz.language import translate as _
from cnnviz.ui.shared.link_state import choose_number, put_in_link
from cnnviz.ui.shared.query import query

SIDE = 320
PAPER = (0, 0, 0, 255)
PENS = (12, 40, 24)
SMALL = 1 / 4
"""A drawing smaller than this part of the canvas is mostly the shape of the pen itself."""

_WIDER = 1.6
"""How much wider the eraser is than the pen; otherwise a grey rim of the strokes would remain."""

_MOST_KEPT = 50
"""Pictures of earlier drawings, a few kilobytes each; older ones are redrawn from their strokes."""

_NOW, _START, _GENERATION, _SEEN = "sheet_now", "sheet_start", "canvas_generation", "sheet_seen"
_PEN, _ERASER, _PEN_BEFORE = "pen", "eraser", "sheet_pen"

Drawing = Mapping[str, Any]
"""What is on the canvas, as the canvas describes it: its strokes."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A drawing: ``image`` (H, W, 4) uint8, and what the networks get.

    ``redrawn``: it was redrawn with a finer pen, because the person's own pen hid the shape.
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
    if _PEN not in state:  # Streamlit forgets a page's widgets when the page is left
        _come_back()
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
        _keep(state[_NOW], result.image_data)
        return result.image_data, state[_NOW]
    # The canvas sends nothing of what it began with.
    image = _picture(state.get(_START))
    return (None, None) if image is None else (image, state[_START])


def _come_back() -> None:
    """Restore drawing and pen as they were when the page was left."""
    state = st.session_state
    if state.get(_NOW):
        _begin(state[_NOW])
    if _PEN_BEFORE in state and _PEN not in query:
        put_in_link(_PEN, state[_PEN_BEFORE], PENS[-1])


def _keep(drawing: Drawing | None, image: NDArray[np.uint8]) -> None:
    """Remember the picture that the browser made of ``drawing``."""
    seen = st.session_state.setdefault(_SEEN, {})
    name = _name(drawing)
    if name is None or name in seen:
        return
    seen[name] = image.shape, zlib.compress(image.tobytes(), level=1)
    while len(seen) > _MOST_KEPT:
        del seen[next(iter(seen))]


def _picture(drawing: Drawing | None) -> NDArray[np.uint8] | None:
    """``drawing`` as the browser showed it, else redrawn from its strokes; None if it has none."""
    kept = st.session_state.get(_SEEN, {}).get(_name(drawing))
    if kept is not None:
        shape, packed = kept
        return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(shape)
    strokes = strokes_of(drawing)
    return rendered(strokes, SIDE) if strokes else None


def _name(drawing: Drawing | None) -> str | None:
    """A key that identifies a drawing; None if it is empty."""
    objects = drawing.get("objects") if isinstance(drawing, Mapping) else None
    return hashlib.sha256(json.dumps(objects).encode()).hexdigest() if objects else None


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
    st.session_state[_PEN_BEFORE] = pen
    st.pills(_("Start from an example"), EXAMPLES, key="example", on_change=_start_from_example)
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

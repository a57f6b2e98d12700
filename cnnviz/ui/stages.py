"""How a drawing becomes what a network gets: its stages, one after the other, as pictures."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.drawing import Prepared
from cnnviz.language import translate as _
from cnnviz.ui import gallery

_LONGEST = 200  # pixels of a stage's picture: more cannot be seen
_ROW = "display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));max-width:62rem"
_BOX = "aspect-ratio:1;display:grid;place-items:center;background:#000;border-radius:8px;overflow:hidden;position:relative"
_TEXT = "font-size:.85rem;line-height:1.4;margin-top:.4rem"
_LINE = "#88ccee"


def show(image: NDArray[np.uint8], prepared: Prepared, redrawn: bool) -> None:
    """From the picture (H, W, 4) uint8 to the 28 x 28 pixels; ``redrawn`` with a finer pen in between."""
    grey = np.rint(image[..., :3].mean(axis=-1) * (image[..., 3] / 255)).astype(np.uint8)
    top, left, height, width = prepared.box
    ink = np.rint(prepared.ink * 255).astype(np.uint8)
    scaled = np.rint(prepared.scaled * 255).astype(np.uint8)
    stages = [
        _stage(_("Picture"), _("What you gave."), _smaller(grey)),
        _stage(_("Ink"), _ink_sentence(redrawn), _smaller(ink), _frame(prepared.box, ink.shape)),
        _stage(
            _("Box"),
            _(
                "The ink fills {height} x {width} pixels; where it lay does not matter.",
                height=height,
                width=width,
            ),
            _smaller(ink[top : top + height, left : left + width]),
        ),
        _stage(
            _("Scaled"),
            _(
                "Its longer side has 20 pixels now, as MNIST's digits have: {height} x {width}.",
                height=scaled.shape[0],
                width=scaled.shape[1],
            ),
            scaled,
            size=20 / 28,
        ),
        _stage(
            _("Centred"),
            _(
                "Its centre of mass lies in the middle of 28 x 28: {top} pixels from the top, {left} from the left. "
                "This is what the networks get.",
                top=prepared.offset[0],
                left=prepared.offset[1],
            ),
            prepared.image,
            _frame((*prepared.offset, *scaled.shape), prepared.image.shape),
        ),
    ]
    st.html(f'<div style="{_ROW}">{"".join(stages)}</div>')


def _ink_sentence(redrawn: bool) -> str:
    if redrawn:
        return _("Your pen is thick for so small a drawing: its strokes, enlarged, with a finer pen.")
    return _("What differs from the ground, whatever its colour: from 0 to 1.")


def _stage(title: str, text: str, picture: NDArray[np.uint8], frame: str = "", size: float = 1.0) -> str:
    high, wide = picture.shape
    side = f"width:{size * wide / max(high, wide):.1%};height:{size * high / max(high, wide):.1%}"
    source = gallery.source(picture[None])
    return (
        f'<figure style="margin:0"><div style="{_BOX}"><div style="position:relative;{side}">'
        f'<img src="{source}" alt="{escape(title)}" style="width:100%;height:100%;image-rendering:pixelated;display:block">'
        f'{frame}</div></div><figcaption style="{_TEXT}"><b>{escape(title)}</b><br>{escape(text)}</figcaption></figure>'
    )


def _frame(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> str:
    """A dashed frame around ``box`` (top, left, height, width) of a picture of ``shape``."""
    top, left, height, width = box
    place = f"top:{top / shape[0]:.2%};left:{left / shape[1]:.2%};height:{height / shape[0]:.2%};width:{width / shape[1]:.2%}"
    return f'<div style="position:absolute;{place};box-sizing:border-box;border:1.5px dashed {_LINE}"></div>'


def _smaller(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    step = -(-max(picture.shape) // _LONGEST)
    return picture if step == 1 else np.ascontiguousarray(picture[::step, ::step])

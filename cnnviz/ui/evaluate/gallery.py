"""Small images of a data set side by side, each with what there is to say about it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

_CELL = "6.5rem"
_GRID = f"display:grid;gap:.9rem .7rem;grid-template-columns:repeat(auto-fill,minmax({_CELL},1fr));max-width:58rem"
_IMAGE = "display:block;width:100%;image-rendering:pixelated;border-radius:6px;background:#000"
_LINE = "overflow:hidden;text-overflow:ellipsis;font-size:.85rem;line-height:1.35;overflow-wrap:anywhere"
_RIGHT, _WRONG = "#2a9d5c", "#d9485f"  # readable on the light page and on the dark one
_NOTE = f"{_LINE};font-size:.75rem;opacity:.7"


@dataclass(frozen=True)
class Picture:
    """One image with its lines: ``title`` in full strength, ``notes`` smaller; ``right`` puts a mark before.

    ``pixels`` is (C, H, W) uint8, grey or RGB; ``description`` says what it is to those who do not see it.
    """

    pixels: NDArray[np.uint8]
    title: str
    notes: tuple[str, ...]
    description: str
    right: bool | None = None


def show(pictures: Sequence[Picture]) -> None:
    """All ``pictures``, as many in a row as there is room for."""
    st.html(f'<div style="{_GRID}">{"".join(map(_figure, pictures))}</div>')


def source(pixels: NDArray[np.uint8]) -> str:
    """An image (C, H, W) uint8, grey or RGB, as an address that an ``<img>`` takes."""
    from PIL import Image

    rows = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rows)).save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _figure(picture: Picture) -> str:
    mark = "" if picture.right is None else "✓ " if picture.right else "✗ "
    colour = f"color:{_RIGHT if picture.right else _WRONG}" if mark else ""
    return (
        '<figure style="margin:0;min-width:0">'
        f'<img src="{source(picture.pixels)}" alt="{escape(picture.description)}" style="{_IMAGE}">'
        f'<figcaption><div style="{_LINE};margin-top:.3rem;font-weight:600">'
        f'<span style="{colour}">{mark}</span>{escape(picture.title)}</div>'
        f"{''.join(_note(line) for line in picture.notes)}</figcaption></figure>"
    )


def _note(line: str) -> str:
    return f'<div style="{_NOTE}">{escape(line)}</div>'

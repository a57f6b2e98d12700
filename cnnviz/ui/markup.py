"""Small pieces of HTML that draw at once where a chart would take its time.

Text and shades take the page's text colour, so that they fit the light and the dark theme. What goes
into them is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

_FAINT = "color-mix(in srgb, currentColor 9%, transparent)"
_USUAL = "color-mix(in srgb, currentColor 38%, transparent)"
_FRAME = "#88ccee"


def verdict(label: str) -> str:
    """A class's label, large enough for the last row."""
    style = "font-size:4.5rem;font-weight:700;line-height:1;text-align:center"
    return f'<div style="{style}">{escape(label)}</div>'


def bars(labels: Sequence[str], probabilities: Sequence[float] | None, accent: str) -> str:
    """A bar for each class, the likeliest in the colour ``accent``; empty ones without ``probabilities`` (0..1)."""
    values = [0.0] * len(labels) if probabilities is None else list(probabilities)
    best = None if probabilities is None else values.index(max(values))
    rows = "".join(
        _bar(label, value, accent if index == best else None, probabilities is not None)
        for index, (label, value) in enumerate(zip(labels, values, strict=True))
    )
    style = "display:grid;grid-template-columns:auto 1fr 3.2em;gap:3px 6px;align-items:center;font-size:.8rem"
    return f'<div style="{style}">{rows}</div>'


def _bar(label: str, value: float, accent: str | None, known: bool) -> str:
    weight = "font-weight:700" if accent else "opacity:.75"
    corners = "height:.7rem;border-radius:3px"
    return (
        f'<span style="{weight}">{escape(label)}</span>'
        f'<span style="{corners};background:{_FAINT}">'
        f'<span style="display:block;{corners};width:{value:.2%};background:{accent or _USUAL}"></span></span>'
        f'<span style="{weight};text-align:right;font-variant-numeric:tabular-nums">'
        f"{f'{value:.1%}' if known else ''}</span>"
    )


def pixels(image: NDArray[np.uint8], description: str, box: tuple[int, int, int, int] | None = None) -> str:
    """A grey image (H, W) with each pixel visible; ``box`` (top, left, height, width) gets a frame."""
    height, width = image.shape
    shapes = "".join(_pixel(int(x), int(y), int(image[y, x])) for y, x in np.argwhere(image))
    if box is not None:
        top, left, box_height, box_width = box
        shapes += (
            f'<rect x="{left}" y="{top}" width="{box_width}" height="{box_height}" fill="none" '
            f'stroke="{_FRAME}" stroke-width=".15" stroke-dasharray=".6 .4"/>'
        )
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{shapes}</svg>'
    # Streamlit removes SVG from HTML, but lets images be.
    source = "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()
    style = "display:block;width:100%;border-radius:8px;background:#000"
    return f'<img src="{source}" alt="{escape(description)}" style="{style}">'


def _pixel(x: int, y: int, value: int) -> str:
    grey = f"{value:02x}" * 3
    return f'<rect x="{x}.04" y="{y}.04" width=".92" height=".92" fill="#{grey}"/>'

"""Feature maps on a page: a card for every op, and one op with its numbers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import maps as plots
from cnnviz.plots import palette
from cnnviz.shapes.op import Op, shape_text
from cnnviz.ui import cached
from cnnviz.ui.cached import ImageKey
from cnnviz.ui.choice import choose_one
from cnnviz.ui.frame import is_dark
from cnnviz.ui.weights import Weights

FIGURE_WIDTH = 600
"""Pixels, at most: on a phone a figure takes the width there is."""

_GRID = "display:grid;gap:1rem;grid-template-columns:"
_CARDS = f"{_GRID}repeat(auto-fill,minmax(min(100%,21rem),1fr))"
_ROWS = f"{_GRID}minmax(0,1fr)"  # of several weights: one card a row, and its pictures side by side
_SIDE_BY_SIDE = f"{_GRID}repeat(auto-fit,minmax(min(100%,18rem),1fr))"
_CARD = (
    "margin:0;padding:.75rem;border-radius:.625rem;"
    "border:1px solid color-mix(in srgb, currentColor 16%, transparent)"
)
_IMAGE = "display:block;width:100%;image-rendering:pixelated"
_NOTE = "font-size:.8rem;opacity:.75"


def cards(shown: Sequence[Weights], image: ImageKey) -> None:
    """The feature maps of every op in order of execution; of several weights in one card each, on one scale."""
    maps = [cached.feature_maps(weights.key, image) for weights in shown]
    limits = tuple(max(found.limit for found in same) for same in zip(*maps, strict=True))
    pictures = [cached.map_pictures(weights.key, image, limits, is_dark()) for weights in shown]
    rows = []
    for number, first in enumerate(maps[0]):
        parts = [
            _picture(
                pictures[index][number],
                _("Feature maps of {op}", op=first.op.name),
                _note(
                    weights.title if len(shown) > 1 else "",
                    maps[index][number].limit,
                    maps[index][number].zeros,
                ),
            )
            for index, weights in enumerate(shown)
        ]
        scale = _("one scale for both: ±{limit:.3g}", limit=limits[number]) if len(shown) > 1 else ""
        body = f'<div style="{_SIDE_BY_SIDE}">{"".join(parts)}</div>'
        rows.append(f'<figure style="{_CARD}">{_heading(first.op, scale)}{body}</figure>')
    st.html(f'<div style="{_ROWS if len(shown) > 1 else _CARDS}">{"".join(rows)}</div>')


def closer(weights: Weights, image: ImageKey) -> None:
    """One op, chosen by the person, with every value on hover."""
    maps = cached.feature_maps(weights.key, image)
    names = [found.op.name for found in maps]
    chosen = choose_one(_("Operation"), names, key="op", kind=Message("The layer"))
    found = maps[names.index(chosen)]
    title = f"{weights.title}: {found.op.name}, {shape_text(found.op.output_shape)}"
    figure = plots.maps_figure(found.values, title, dark=is_dark())
    st.plotly_chart(figure, key="closer", config={"displayModeBar": False}, width=FIGURE_WIDTH)
    st.caption(str(plots.maps_sentence(found.op.kind, found.zeros)))


def _heading(op: Op, note: str) -> str:
    style = palette.kind(op.kind)
    colour = style.colour(is_dark())
    badge = (
        f"background:{colour};color:{palette.text_on(colour)};border-radius:4px;padding:0 .35em;"
        "font-weight:700;font-size:.8rem"
    )
    return (
        '<figcaption style="margin-bottom:.5rem;overflow-wrap:anywhere">'
        f'<span style="{badge}" title="{escape(str(style.title))}">{style.letter}</span> '
        f"<b>{escape(op.name)}</b> "
        f'<span style="{_NOTE}">{escape(op.type)} · {shape_text(op.output_shape)}</span>'
        f"{note and f' <span style={_NOTE!r}>· {escape(note)}</span>'}</figcaption>"
    )


def _picture(data: bytes, description: str, note: str) -> str:
    source = "data:image/png;base64," + base64.b64encode(data).decode()
    picture = f'<img src="{source}" alt="{escape(description)}" style="{_IMAGE}">'
    return f'<div>{picture}<div style="{_NOTE};margin-top:.4rem">{escape(note)}</div></div>'


def _note(title: str, limit: float, zeros: float) -> str:
    """What stands under a picture: its scale; or its ``title``, and how much of the common scale it takes."""
    text = _("values up to ±{limit:.3g}", limit=limit) if title else _("scale ±{limit:.3g}", limit=limit)
    if zeros > 0:
        text += " · " + _("{zeros:.0%} zeros", zeros=zeros)
    return f"{title}: {text}" if title else text

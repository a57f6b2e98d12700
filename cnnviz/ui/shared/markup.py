"""Small pieces of HTML that draw at once where a chart would take its time.

Text and shades take the page's text colour, so that they fit the light and the dark theme. What goes
into them is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_FAINT = "color-mix(in srgb, currentColor 9%, transparent)"
_USUAL = "color-mix(in srgb, currentColor 38%, transparent)"


def verdict(label: str) -> str:
    """A class's label, large enough for the last row; a name of several letters as large as a card has room for."""
    size = "4.5rem" if len(label) <= 2 else "1.5rem"
    style = f"min-height:4.5rem;display:grid;place-items:center;text-align:center;font-size:{size}"
    return f'<div style="{style};font-weight:700;line-height:1;overflow-wrap:anywhere">{escape(label)}</div>'


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

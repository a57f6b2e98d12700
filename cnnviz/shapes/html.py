"""Summary tables as HTML, for the page and for notebooks: readable from the last row, narrow on a phone.

Text and lines take the colour of what surrounds them, so they fit a light and a dark theme; the colours
of the kinds of operation are the same everywhere. What goes in is escaped. No script, no style sheet, no
IPython is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from cnnviz.language import translate as _
from cnnviz.operations.op import Failure, shape_text
from cnnviz.plots import palette
from cnnviz.shapes.table import Row, rows
from cnnviz.shapes.text import notes
from cnnviz.tracing.trace import Trace

TABLE = "border-collapse:collapse;width:100%;table-layout:auto"
_LINE = "border-top:1px solid color-mix(in srgb, currentColor 16%, transparent)"
CELL = f"padding:.3rem .5rem;{_LINE};white-space:nowrap;text-align:left"
NUMBER = f"padding:.3rem .5rem;{_LINE};white-space:nowrap;text-align:right;font-variant-numeric:tabular-nums"
_HEAD = "padding:.3rem .5rem;font-weight:600;opacity:.75;vertical-align:bottom"
_SHARED_KINDS = ("convolution", "linear", "normalisation")


def trace_html(trace: Trace) -> str:
    """The table of ``trace`` by itself, functional operations too, with a title, notes and a legend.

    It fits a light and a dark notebook without knowing which one it is in.
    """
    shown = rows(trace, functions=True)
    title = (
        f"<b>{escape(trace.model)}</b> · {escape(_('input: {shape}', shape=shape_text(trace.input_shape)))}"
    )
    told = "".join(f'<p style="margin:.3rem 0">{escape(note)}</p>' for note in notes(trace))
    kinds = dict.fromkeys(row.kind for row in shown if row.kind)
    return (
        f'<div style="max-width:60rem;font-size:.9rem"><p style="margin:.3rem 0">{title}</p>'
        f"{layers(shown, trace, dark=False)}{told}{legend(kinds, dark=False)}</div>"
    )


def layers(shown: Sequence[Row], trace: Trace, dark: bool) -> str:
    """The summary table; ``shown`` are its rows in order, those inside of a container indented, totals below."""
    titles = (_("Layer (type)"), _("Output shape"), _("Parameters"), _("Multiply-adds"), _("Name"))
    body = "".join(_layer(row, dark) for row in shown)
    if trace.failure:
        body += _broken(trace.failure)
    title = _("Total")
    total = (
        f'<tr style="font-weight:700"><td style="{CELL}">{escape(title)}</td><td style="{CELL}"></td>'
        f'<td style="{NUMBER}">{trace.total_params:,}</td><td style="{NUMBER}">{trace.macs:,}</td>'
        f'<td style="{CELL}"></td></tr>'
    )
    return table(zip(titles, ("left", "right", "right", "right", "left"), strict=True), body + total)


def table(titles: Iterable[tuple[str, str]], body: str) -> str:
    """A table of rows ``body`` (HTML) under ``titles``, each with its side; a wide one scrolls by itself."""
    head = "".join(
        f'<th scope="col" style="{_HEAD};text-align:{side}">{escape(text)}</th>' for text, side in titles
    )
    return f'<div style="overflow-x:auto"><table style="{TABLE}"><tr>{head}</tr>{body}</table></div>'


def _layer(row: Row, dark: bool) -> str:
    indent = f"padding-left:{0.3 + 1.2 * (row.depth - 1)}rem"
    params = "" if row.container else f"{row.params:,}"
    note = _("shared")
    shared = f" <em>{escape(note)}</em>" if row.reused and row.kind in _SHARED_KINDS else ""
    cells = (
        f'<td style="{CELL};{indent}">{chip(row.kind, dark)} {escape(row.label or row.type)}</td>'
        f'<td style="{NUMBER}">{shape_text(row.output_shape)}</td>'
        f'<td style="{NUMBER}">{params}</td>'
        f'<td style="{NUMBER}">{f"{row.macs:,}" if row.macs else ""}</td>'
        f'<td style="{CELL};opacity:.75">{escape(row.name)}{shared}</td>'
    )
    return f'<tr style="font-weight:600">{cells}</tr>' if row.container else f"<tr>{cells}</tr>"


def _broken(failure: Failure) -> str:
    """The last row of a table that ends early."""
    style = f"{CELL};white-space:normal;font-weight:600;border-left:.4rem solid #cc3311"
    text = f"✗ {failure.type} · {failure.message}"
    return f'<tr><td colspan="5" style="{style}">{escape(text)}</td></tr>'


def chip(kind: str | None, dark: bool) -> str:
    """A coloured letter for a kind of operation; room for one where there is no kind."""
    box = "display:inline-block;width:1.35em;text-align:center;border-radius:.3em;font-size:.8em;font-weight:700"
    if kind is None:
        return f'<span style="{box}"></span>'
    style = palette.kind(kind)
    colour = style.colour(dark)
    fill = f"background:{colour};color:{palette.text_on(colour)}"
    return f'<span style="{box};{fill}" title="{escape(str(style.title))}">{style.letter}</span>'


def legend(kinds: Iterable[str], dark: bool) -> str:
    """What the coloured letters of a table mean."""
    entries = "".join(
        f"<span>{chip(kind, dark)} {escape(str(palette.kind(kind).title))}</span>" for kind in kinds
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.875rem;opacity:.85">{entries}</div>'

"""Summary tables as HTML, for the pages and for notebooks, narrow enough for a phone.

How they look is :func:`cnnviz.plots.palette.table_style`: the app's pages have it in their own style sheet, a
notebook gets it with each table. All text is escaped. It needs no script and no IPython.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from cnnviz.language import translate as _
from cnnviz.operations.op import Failure, shape_text
from cnnviz.plots import palette
from cnnviz.shapes.table import Row, rows

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

_NUMBER = ' class="cnnviz-number"'
_SHARED_KINDS = ("convolution", "linear", "normalisation")


def trace_html(trace: Trace) -> str:
    """The table of ``trace`` by itself, functional operations too, with a title, notes and a legend.

    It fits a light and a dark notebook without knowing which one it is in.
    """
    from cnnviz.shapes.text import notes

    shown = rows(trace, functions=True)
    title = (
        f"<b>{escape(trace.model)}</b> · {escape(_('input: {shape}', shape=shape_text(trace.input_shape)))}"
    )
    told = "".join(f"<p>{escape(note)}</p>" for note in notes(trace))
    kinds = dict.fromkeys(row.kind for row in shown if row.kind)
    return (
        f'<div class="cnnviz-notebook"><style>{palette.table_style()}</style><p>{title}</p>'
        f"{layers(shown, trace)}{told}{legend(kinds)}</div>"
    )


def layers(shown: Sequence[Row], trace: Trace) -> str:
    """The summary table: the rows ``shown`` in order, those inside a container indented, and the totals."""
    titles = (_("Layer (type)"), _("Output shape"), _("Parameters"), _("Multiply-adds"), _("Name"))
    body = "".join(map(_layer, shown))
    if trace.failure:
        body += _broken(trace.failure)
    body += total((_("Total"), "", f"{trace.total_params:,}", f"{trace.macs:,}", ""))
    return table(zip(titles, ("left", "right", "right", "right", "left"), strict=True), body)


def table(titles: Iterable[tuple[str, str]], body: str) -> str:
    """A table with the rows ``body`` (HTML) under ``titles``, each with its alignment; a wide table scrolls."""
    head = "".join(
        f'<th scope="col"{_NUMBER if side == "right" else ""}>{escape(text)}</th>' for text, side in titles
    )
    return f'<div class="cnnviz-table"><table><tr>{head}</tr>{body}</table></div>'


def numbers(texts: Iterable[str]) -> str:
    """A cell for each of ``texts``, right-aligned so that the digits of numbers line up."""
    return "".join(f"<td{_NUMBER}>{escape(text)}</td>" for text in texts)


def words(texts: Iterable[str]) -> str:
    """A left-aligned cell for each of ``texts``."""
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def total(texts: Sequence[str]) -> str:
    """The last row of a table: its title, and below each other column what it comes to."""
    return f'<tr class="cnnviz-total">{words(texts[:1])}{numbers(texts[1:])}</tr>'


def _layer(row: Row) -> str:
    note = _("shared")
    shared = f" <em>{escape(note)}</em>" if row.reused and row.kind in _SHARED_KINDS else ""
    cells = (
        f'<td class="cnnviz-inside" style="--cnnviz-depth:{row.depth}">'
        f"{chip(row.kind)} {escape(row.label or row.type)}</td>"
        + numbers(
            (
                shape_text(row.output_shape),
                "" if row.container else f"{row.params:,}",
                f"{row.macs:,}" if row.macs else "",
            )
        )
        + f'<td class="cnnviz-faint">{escape(row.name)}{shared}</td>'
    )
    return f'<tr class="cnnviz-container">{cells}</tr>' if row.container else f"<tr>{cells}</tr>"


def _broken(failure: Failure) -> str:
    """The last row of a table that ends early."""
    text = f"✗ {failure.type} · {failure.message}"
    return f'<tr><td colspan="5" class="cnnviz-broken">{escape(text)}</td></tr>'


def chip(kind: str | None) -> str:
    """A coloured letter for a kind of operation; an empty space of the same width for None."""
    if kind is None:
        return '<span class="cnnviz-chip"></span>'
    style = palette.kind(kind)
    return (
        f'<span class="cnnviz-chip {palette.kind_class(kind)}" title="{escape(str(style.title))}">'
        f"{style.letter}</span>"
    )


def legend(kinds: Iterable[str]) -> str:
    """What the coloured letters of a table mean."""
    entries = "".join(f"<span>{chip(kind)} {escape(str(palette.kind(kind).title))}</span>" for kind in kinds)
    return f'<div class="cnnviz-legend">{entries}</div>'

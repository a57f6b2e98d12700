"""Tables and chains of numbers as HTML: readable from the last row, and narrow on a phone.

Colours are the page's own and those of the kinds of operation; everything is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.shapes.comparison import Pairing
from cnnviz.shapes.derivation import Step
from cnnviz.shapes.op import Failure, shape_text
from cnnviz.shapes.receptive_field import ReceptiveField
from cnnviz.shapes.table import Row
from cnnviz.shapes.trace import Trace

_TABLE = "border-collapse:collapse;width:100%"
_LINE = "border-top:1px solid color-mix(in srgb, currentColor 16%, transparent)"
_CELL = f"padding:.3rem .5rem;{_LINE};white-space:nowrap"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"
_HEAD = "padding:.3rem .5rem;font-weight:600;opacity:.75;white-space:nowrap"
_SHARED_KINDS = ("convolution", "linear", "normalisation")


def layers(rows: Sequence[Row], trace: Trace, dark: bool) -> str:
    """The summary table; ``rows`` are shown in order, those inside of a container indented, totals below."""
    head = "".join(
        f'<th style="{_HEAD};text-align:{side}">{escape(text)}</th>'
        for text, side in (
            (_("Layer (type)"), "left"),
            (_("Output shape"), "right"),
            (_("Parameters"), "right"),
            (_("Multiply-adds"), "right"),
            (_("Name"), "left"),
        )
    )
    body = "".join(_layer(row, dark) for row in rows)
    if trace.failure:
        body += _broken(trace.failure)
    title = _("Total")
    total = (
        f'<tr style="font-weight:700"><td style="{_CELL}">{escape(title)}</td><td style="{_CELL}"></td>'
        f'<td style="{_NUMBER}">{trace.total_params:,}</td><td style="{_NUMBER}">{trace.macs:,}</td>'
        f'<td style="{_CELL}"></td></tr>'
    )
    return _scrolling(f'<table style="{_TABLE}"><tr>{head}</tr>{body}{total}</table>')


def _layer(row: Row, dark: bool) -> str:
    indent = f"padding-left:{0.3 + 1.2 * (row.depth - 1)}rem"
    params = "" if row.container else f"{row.params:,}"
    note = _("shared")
    shared = f" <em>{escape(note)}</em>" if row.reused and row.kind in _SHARED_KINDS else ""
    cells = (
        f'<td style="{_CELL};{indent}">{_chip(row.kind, dark)} {escape(row.label or row.type)}</td>'
        f'<td style="{_NUMBER}">{shape_text(row.output_shape)}</td>'
        f'<td style="{_NUMBER}">{params}</td>'
        f'<td style="{_NUMBER}">{f"{row.macs:,}" if row.macs else ""}</td>'
        f'<td style="{_CELL};opacity:.75">{escape(row.name)}{shared}</td>'
    )
    return f'<tr style="font-weight:600">{cells}</tr>' if row.container else f"<tr>{cells}</tr>"


def _broken(failure: Failure) -> str:
    """The last row of a table that ends early."""
    style = f"{_CELL};white-space:normal;font-weight:600;border-left:.4rem solid #cc3311"
    text = f"✗ {failure.type} · {failure.message}"
    return f'<tr><td colspan="5" style="{style}">{escape(text)}</td></tr>'


def _chip(kind: str | None, dark: bool) -> str:
    """A coloured letter for a kind of operation; room for one where there is no kind."""
    box = "display:inline-block;width:1.35em;text-align:center;border-radius:.3em;font-size:.8em;font-weight:700"
    if kind is None:
        return f'<span style="{box}"></span>'
    style = palette.kind(kind)
    colour = style.colour(dark)
    fill = f"background:{colour};color:{palette.text_on(colour)}"
    return f'<span style="{box};{fill}" title="{escape(str(style.title))}">{style.letter}</span>'


def comparison(pairings: Sequence[Pairing], dark: bool) -> str:
    """Ops before and after an edit; what changed is marked with a sign, not with colour alone."""
    head = "".join(
        f'<th style="{_HEAD};text-align:{side}">{escape(text)}</th>'
        for text, side in (
            (_("Operation"), "left"),
            (_("Shape before"), "right"),
            (_("Shape after"), "right"),
            (_("Parameters before"), "right"),
            (_("Parameters after"), "right"),
        )
    )
    body = "".join(_pairing(pairing, dark) for pairing in pairings)
    return _scrolling(f'<table style="{_TABLE}"><tr>{head}</tr>{body}</table>')


def _pairing(pairing: Pairing, dark: bool) -> str:
    shown = pairing.after or pairing.before
    emphasis = "font-weight:600" if pairing.changed else "opacity:.65"
    shapes = [shape_text(op.output_shape) if op else "-" for op in (pairing.before, pairing.after)]
    params = [f"{op.params:,}" if op else "-" for op in (pairing.before, pairing.after)]
    mark = "≠ " if pairing.changed else ""
    return (
        f'<tr style="{emphasis}"><td style="{_CELL}">{_chip(shown.kind if shown else None, dark)} '
        f"{escape(pairing.name)}</td>"
        f'<td style="{_NUMBER}">{shapes[0]}</td><td style="{_NUMBER}">{mark}{shapes[1]}</td>'
        f'<td style="{_NUMBER}">{params[0]}</td><td style="{_NUMBER}">{params[1]}</td></tr>'
    )


def legend(kinds: Sequence[str], dark: bool) -> str:
    """What the coloured letters of a table mean."""
    entries = "".join(
        f"<span>{_chip(kind, dark)} {escape(str(palette.kind(kind).title))}</span>" for kind in kinds
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.875rem;opacity:.85">{entries}</div>'


def steps(derivation: Sequence[Step], fields: Sequence[ReceptiveField], dark: bool) -> str:
    """A derivation as a table: operation, the rule with numbers, result, receptive field, rule; a sentence below.

    ``fields`` are the receptive fields of all ops of the trace, by index.
    """
    titles = (
        _("Operation"),
        _("With numbers"),
        _("Result"),
        _("Receptive field"),
        _("Rule"),
    )
    head = "".join(f'<th style="{_HEAD};text-align:left">{escape(text)}</th>' for text in titles)
    body = "".join(_step(step, fields[step.op.index], dark) for step in derivation)
    return _scrolling(f'<table style="{_TABLE}"><tr>{head}</tr>{body}</table>')


def _step(step: Step, field: ReceptiveField, dark: bool) -> str:
    numbers = "font-variant-numeric:tabular-nums"
    seen = _("the whole image") if field.whole else shape_text(field.size)
    return (
        f'<tr><td style="{_CELL}">{_chip(step.op.kind, dark)} <b>{escape(step.op.name)}</b></td>'
        f'<td style="{_CELL};font-weight:600;{numbers}">{escape(step.substituted)}</td>'
        f'<td style="{_CELL};{numbers}">{shape_text(step.result)}</td>'
        f'<td style="{_CELL};{numbers}">{escape(seen)}</td>'
        f'<td style="{_CELL};opacity:.75;width:99%">{escape(step.rule)}</td></tr>'
        # The sentence stays in sight on a phone, where the columns above it are wider than the screen.
        f'<tr><td colspan="5" style="padding:0 .5rem .5rem;font-size:.875rem;opacity:.8">'
        f'<div style="position:sticky;left:.5rem;max-width:min(60rem, calc(100vw - 4rem))">{escape(step.text)}'
        "</div></td></tr>"
    )


def chain(start: str, links: Sequence[Step], dark: bool) -> str:
    """The numbers of a derivation in one line that wraps: a box for each step, arrows between them."""
    boxes = [_box(_("input"), start, "other", dark)]
    boxes += [_box(step.op.name, step.substituted, step.op.kind, dark) for step in links]
    arrow = '<span style="opacity:.55;font-size:1.2rem">→</span>'
    style = "display:flex;flex-wrap:wrap;gap:.5rem;align-items:center"
    return f'<div style="{style}">{arrow.join(boxes)}</div>'


def _box(name: str, numbers: str, kind: str, dark: bool) -> str:
    colour = palette.kind(kind).colour(dark)
    style = (
        f"border:1px solid {colour};border-left:.4rem solid {colour};border-radius:.5rem;padding:.25rem .6rem;"
        "display:inline-block"
    )
    return (
        f'<span style="{style}"><span style="display:block;font-size:.8rem;opacity:.75">{escape(name)}</span>'
        f'<span style="font-weight:600;font-variant-numeric:tabular-nums">{escape(numbers)}</span></span>'
    )


def _scrolling(table: str) -> str:
    # A wide table scrolls by itself; the page around it does not move sideways.
    return f'<div style="overflow-x:auto">{table}</div>'

"""Tables and chains of numbers as HTML: readable from the last row, and narrow on a phone.

Colours are the page's own and those of the kinds of operation; everything is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots import palette
from cnnviz.shapes.derivation import Step
from cnnviz.shapes.html import CELL, chip, table
from cnnviz.shapes.receptive_field import ReceptiveField
from cnnviz.ui.architecture.receptive import extent

_LONG = 48  # characters of a formula


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
    body = "".join(_step(step, fields[step.op.index], dark) for step in derivation)
    return table([(title, "left") for title in titles], body)


def _step(step: Step, field: ReceptiveField, dark: bool) -> str:
    numbers = "font-variant-numeric:tabular-nums"
    seen = extent(field)
    # The sum of a DenseNet's 33 branches takes several lines; what is short stays on one.
    broken = ";white-space:normal;min-width:20rem" if len(step.substituted) > _LONG else ""
    return (
        f'<tr><td style="{CELL}">{chip(step.op.kind, dark)} <b>{escape(step.op.name)}</b></td>'
        f'<td style="{CELL};font-weight:600;{numbers}{broken}">{escape(step.substituted)}</td>'
        f'<td style="{CELL};{numbers}">{shape_text(step.result)}</td>'
        f'<td style="{CELL};{numbers}">{escape(seen)}</td>'
        f'<td style="{CELL};opacity:.75;width:99%">{escape(step.rule)}</td></tr>'
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

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
from cnnviz.shapes.html import chip, table
from cnnviz.shapes.receptive_field import ReceptiveField
from cnnviz.ui.architecture.receptive import extent

_LONG = 48  # characters of a formula


def steps(derivation: Sequence[Step], fields: Sequence[ReceptiveField]) -> str:
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
    body = "".join(_step(step, fields[step.op.index]) for step in derivation)
    return table([(title, "left") for title in titles], body)


def _step(step: Step, field: ReceptiveField) -> str:
    # The sum of a DenseNet's 33 branches takes several lines; what is short stays on one.
    broken = " cnnviz-long" if len(step.substituted) > _LONG else ""
    return (
        f"<tr><td>{chip(step.op.kind)} <b>{escape(step.op.name)}</b></td>"
        f'<td class="cnnviz-formula{broken}">{escape(step.substituted)}</td>'
        f'<td class="cnnviz-digits">{shape_text(step.result)}</td>'
        f'<td class="cnnviz-digits">{escape(extent(field))}</td>'
        f'<td class="cnnviz-rest">{escape(step.rule)}</td></tr>'
        f'<tr><td colspan="5" class="cnnviz-sentence"><div>{escape(step.text)}</div></td></tr>'
    )


def chain(start: str, links: Sequence[Step]) -> str:
    """The numbers of a derivation in one line that wraps: a box for each step, arrows between them."""
    boxes = [_box(_("input"), start, "other")]
    boxes += [_box(step.op.name, step.substituted, step.op.kind) for step in links]
    arrow = '<span class="cnnviz-arrow">→</span>'
    return f'<div class="cnnviz-chain">{arrow.join(boxes)}</div>'


def _box(name: str, numbers: str, kind: str) -> str:
    return (
        f'<span class="cnnviz-station {palette.kind_class(kind)}"><span class="cnnviz-note">{escape(name)}</span>'
        f'<span class="cnnviz-strong cnnviz-digits">{escape(numbers)}</span></span>'
    )

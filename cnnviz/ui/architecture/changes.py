"""A network before and after its changes, side by side, as an HTML table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cnnviz.language import translate as _
from cnnviz.operations.op import Failure, Op, Shape, shape_text
from cnnviz.shapes.blame import Pairing
from cnnviz.shapes.html import chip, numbers, table, total
from cnnviz.tracing.trace import Trace


def table_of(pairings: Sequence[Pairing], before: Trace, after: Trace) -> str:
    """Input, ops and totals before and after; what differs is marked with a sign, not with colour alone."""
    titles = (
        (_("Operation"), "left"),
        (_("Shape before"), "right"),
        (_("Shape after"), "right"),
        (_("Parameters before"), "right"),
        (_("Parameters after"), "right"),
        (_("Multiply-adds before"), "right"),
        (_("Multiply-adds after"), "right"),
    )
    start = _row(
        chip("other") + " " + escape(_("input")),
        _shapes(before.input_shape, after.input_shape),
        ("",) * 4,
        changed=before.input_shape != after.input_shape,
    )
    rows = [start, *(_pairing(pairing, after.failure) for pairing in pairings), _total(before, after)]
    return table(titles, "".join(rows))


def _pairing(pairing: Pairing, failure: Failure | None) -> str:
    known = pairing.after or pairing.before
    broken = failure is not None and failure.name == pairing.name
    shapes = [_shape(pairing.before), "✗" if broken else _shape(pairing.after)]
    figures = (
        _figure(pairing.before, "params"),
        _figure(pairing.after, "params"),
        _figure(pairing.before, "macs"),
        _figure(pairing.after, "macs"),
    )
    name = f"{chip(known.kind if known else None)} {escape(pairing.name)}"
    reached = broken or failure is None or pairing.after is not None
    return _row(name, shapes, figures, pairing.changed and reached)


def _shape(op: Op | None) -> str:
    return "-" if op is None else shape_text(op.output_shape)


def _shapes(before: Shape, after: Shape) -> list[str]:
    return [shape_text(before), shape_text(after)]


def _figure(op: Op | None, name: str) -> str:
    return "-" if op is None else f"{getattr(op, name):,}"


def _row(name: str, shapes: Sequence[str], figures: Sequence[str], changed: bool) -> str:
    emphasis = "cnnviz-changed" if changed else "cnnviz-unchanged"
    mark = "≠ " if changed else ""
    cells = numbers((shapes[0], mark + shapes[1], *figures))
    return f'<tr class="{emphasis}"><td>{name}</td>{cells}</tr>'


def _total(before: Trace, after: Trace) -> str:
    sums = (before.total_params, after.total_params, before.macs, after.macs)
    return total((_("Total"), "", "", *(f"{number:,}" for number in sums)))

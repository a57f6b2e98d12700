"""A trace as a summary table: rows, totals and notes as data, as CSV, Markdown and LaTeX to take home, and as HTML.

The HTML is for the pages and for notebooks, narrow enough for a phone. How it looks is
:func:`cnnviz.plots.palette.table_style`: the pages have it in their own style sheet, a notebook gets it with each
table. All text is escaped; it needs no script and no IPython.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from cnnviz.language import translate as _
from cnnviz.operations.batch_axis import FRONT, Layout
from cnnviz.operations.op import (
    ANY_INTEGERS,
    WINDOW,
    Failure,
    Kind,
    ModuleCall,
    Op,
    Shape,
    Unexecuted,
    product,
    shape_text,
)
from cnnviz.plots import palette
from cnnviz.plots.palette import chip, legend
from cnnviz.shapes.warnings import warnings

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

_BYTES_PER_VALUE = 4  # float32


@dataclass(frozen=True)
class Row:
    """One row of a summary table. ``label`` is torchsummary's (``Conv2d-1``), empty for functions."""

    label: str
    name: str
    type: str
    kind: Kind | None
    depth: int
    output_shape: Shape
    params: int
    macs: int
    reused: bool
    container: bool
    op: int | None
    layout: Layout = FRONT
    window: str = ""
    """As :attr:`cnnviz.operations.op.Op.window_text`."""
    settings: tuple[str, ...] = ("",) * len(WINDOW)
    """Kernel size, stride, padding, dilation and groups, each as text; empty where it has none."""
    line: int | None = None
    """That of the text (from 1) which makes the call, where a text is interpreted."""


@dataclass(frozen=True)
class Sizes:
    """Bytes of float32 values for one image, as torchsummary estimates them.

    ``activations`` counts the output of every module row twice, for the forward and the backward
    pass.
    """

    input: int
    activations: int
    params: int

    @property
    def total(self) -> int:
        """The sum of all three."""
        return self.input + self.activations + self.params


def rows(trace: Trace, functions: bool = False) -> tuple[Row, ...]:
    """The rows of a trace in the order in which the calls returned.

    Args:
        trace: a trace, complete or ended by a failure.
        functions: also include calls of functions outside leaf modules (``relu``, ``cat``).
    """
    result: list[Row] = []
    shown, number = 0, 0
    for call in trace.modules:
        if functions:
            result.extend(
                _op_row(op, trace) for op in trace.ops[shown : call.ops_before] if op.module is None
            )
        shown = max(shown, call.ops_before)
        if call.is_list:  # torchsummary leaves these out
            continue
        number += 1
        result.append(_module_row(call, number, trace))
    if functions:
        result.extend(_op_row(op, trace) for op in trace.ops[shown:] if op.module is None)
    return tuple(result)


def sizes(trace: Trace, layers: Sequence[Row] | None = None) -> Sizes:
    """How much memory one image needs, as torchsummary estimates it.

    ``layers`` are the :func:`rows` of ``trace`` without functions, if you have them already.
    """
    values = sum(product(row.output_shape) for row in (rows(trace) if layers is None else layers))
    return Sizes(
        input=product(trace.input_shape) * _BYTES_PER_VALUE,
        activations=2 * values * _BYTES_PER_VALUE,
        params=trace.total_params * _BYTES_PER_VALUE,
    )


def _module_row(call: ModuleCall, number: int, trace: Trace) -> Row:
    op = None if call.container else trace.ops[call.ops_before - 1]
    return Row(
        label=f"{call.type}-{number}",
        name=call.name,
        type=call.type,
        kind=op.kind if op else None,
        depth=call.depth,
        output_shape=call.output_shape,
        params=call.params,
        macs=op.macs if op else 0,
        reused=op.reused if op else False,
        container=call.container,
        op=op.index if op else None,
        layout=call.layout,
        window=op.window_text if op else "",
        settings=_settings(op),
        line=trace.lines[op.index] if op and trace.lines else None,
    )


def _settings(op: Op | None) -> tuple[str, ...]:
    window = op.window if op else {}
    return tuple(
        " x ".join(map(str, v)) if isinstance(v := window.get(name, ""), tuple) else str(v) for name in WINDOW
    )


def _op_row(op: Op, trace: Trace) -> Row:
    return Row(
        label="",
        name=op.name,
        type=op.type,
        kind=op.kind,
        depth=op.name.count(".") + 1,
        output_shape=op.output_shape,
        params=op.params,
        macs=op.macs,
        reused=op.reused,
        container=False,
        op=op.index,
        layout=op.layout,
        window=op.window_text,
        settings=_settings(op),
        line=trace.lines[op.index] if trace.lines else None,
    )


_HEAD = ("layer", "name", "output_shape", "parameters", "multiply_adds")
_LATEX_SPECIAL = {"_": r"\_", "#": r"\#", "%": r"\%", "&": r"\&"}


def with_rest(shown: Sequence[Row], trace: Trace) -> tuple[Row, ...]:
    """The rows ``shown`` of ``trace`` and, where they do not add up to its totals, a last one with what is missing.

    It stands for parameters outside of layers, of layers that were not called or reached, and where functions are not
    shown, for theirs and their multiply-adds.
    """
    params = trace.total_params - sum(row.params for row in shown)
    macs = trace.macs - sum(row.macs for row in shown)
    if not params and not macs:
        return tuple(shown)
    label = _("(outside of these rows)")
    return (*shown, Row(label, "", "", None, 1, (), params, macs, False, False, None))


def csv_text(rows: Sequence[Row]) -> str:
    """Comma-separated values with a header; plain numbers, shapes as ``88 x 4 x 4``."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow((*_HEAD, *WINDOW))
    writer.writerows((*_plain(row), *row.settings) for row in rows)
    return written.getvalue()


def markdown_text(rows: Sequence[Row]) -> str:
    """A table in GitHub's Markdown, numbers with thousands separators."""
    lines = ["| " + " | ".join(name.replace("_", " ") for name in _HEAD) + " |", "|---|---|---:|---:|---:|"]
    lines += ["| " + " | ".join(_readable(row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def latex_text(rows: Sequence[Row]) -> str:
    """A ``tabular`` for LaTeX; it needs no package."""
    head = " & ".join(name.replace("_", " ") for name in _HEAD)
    lines = [r"\begin{tabular}{llrrr}", r"\hline", head + r" \\", r"\hline"]
    for row in rows:
        cells = [_escaped(cell).replace(" x ", r" $\times$ ") for cell in _readable(row)]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}"]) + "\n"


def _plain(row: Row) -> tuple[str, str, str, int, int]:
    shape = shape_text(row.output_shape) if row.type else ""  # that of the rest has none
    return row.label or row.type, row.name, shape, row.params, row.macs


def _readable(row: Row) -> list[str]:
    layer, name, shape, params, macs = _plain(row)
    return [layer, name, shape, f"{params:,}", f"{macs:,}"]


def _escaped(text: str) -> str:
    return "".join(_LATEX_SPECIAL.get(letter, letter) for letter in text)


def outputs_text(trace: Trace) -> str:
    """The shape of what the model returns, ``10``, or several with their names: ``logits 10, features 84``."""
    return ", ".join(f"{output.name} {shape_text(output.shape)}".strip() for output in trace.outputs)


def notes(trace: Trace) -> list[str]:
    """The notes below a table of ``trace``, as sentences, without its failure: its warnings at the end."""
    told: list[str] = []
    if trace.further_inputs:
        told.append(_("Inputs: {shapes}", shapes=", ".join(map(shape_text, trace.shapes))))
    if trace.left_out_batch:
        told.append(
            _(
                "The first dimension, {batch:,}, is taken as the batch and left out.",
                batch=trace.left_out_batch,
            )
        )
    if trace.integers_below == ANY_INTEGERS:
        told.append(_("The input must be integers."))
    elif trace.integers_below:
        largest = trace.integers_below - 1
        told.append(
            _(
                "The input must be integers from 0 to {largest:,}, one for each row of a table.",
                largest=largest,
            )
        )
    if len(trace.outputs) > 1:
        told.append(_("Outputs: {outputs}", outputs=outputs_text(trace)))
    elif trace.outputs and trace.ops and trace.output is not trace.ops[-1]:
        told.append(_output_note(trace))
    if trace.real_pass:
        told.append(
            _(
                "Shapes alone did not get through the forward pass, so it was traced by really running it on the CPU."
            )
        )
    if not trace.failure:
        directly, in_training, unused = map(_listed, outside_of_layers(trace, bare=True))
        if directly:
            told.append(_("Used directly, outside a layer: {names}", names=directly))
        if in_training:
            told.append(
                _(
                    "Used only in training, as auxiliary classifiers are (this pass is in evaluation "
                    "mode): {names}",
                    names=in_training,
                )
            )
        if unused:
            told.append(_("Declared but not used: {names}", names=unused))
    told += [_("Warning: {warning}", warning=warning) for warning in warnings(trace)]
    return told


def _output_note(trace: Trace) -> str:
    """Where the output comes from, if not from the last row."""
    shape = outputs_text(trace)
    if trace.output is None:
        return _("Output: {shape}, not computed by any operation", shape=shape)
    return _("Output: {shape}, from {name}", shape=shape, name=trace.output.title)


def outside_of_layers(
    trace: Trace, bare: bool = False
) -> tuple[Sequence[Unexecuted], Sequence[Unexecuted], Sequence[Unexecuted]]:
    """Parameters that no layer carries: those used directly, those used in training only, those not used.

    ``bare`` leaves out those of the layers that are not used, which have a warning of their own.
    """
    directly = [entry for entry in trace.unexecuted if entry.name in trace.used_directly]
    in_training = [entry for entry in trace.unexecuted if entry.name in trace.in_training]
    known = {*trace.used_directly, *trace.in_training}
    if bare:
        layers = tuple(f"{layer.name}." for layer in trace.unused_layers)
        known |= {entry.name for entry in trace.unexecuted if entry.name.startswith(layers)}
    return directly, in_training, [entry for entry in trace.unexecuted if entry.name not in known]


def _listed(entries: Sequence[Unexecuted]) -> str:
    return ", ".join(f"{entry.name} ({entry.params:,})" for entry in entries)


_NUMBER = ' class="cnnviz-number"'
_SHARED_KINDS = ("convolution", "linear", "normalisation")


def trace_html(trace: Trace) -> str:
    """The table of ``trace`` by itself, functional operations too, with a title, notes and a legend.

    It fits a light and a dark notebook without knowing which one it is in.
    """
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


def layers(
    shown: Sequence[Row],
    trace: Trace,
    windows: bool = False,
    brief: bool = False,
    heading: Callable[[str], str] = escape,
) -> str:
    """The summary table: the rows ``shown`` in order, those inside a container indented, and the totals.

    ``windows`` adds a column with kernel, stride, padding and groups, which a narrow page has no room for. A ``brief``
    table names the call at which the pass ended, and leaves the diagnosis to the page around it. Where a text is interpreted, each row says from which line it comes, in a last column and as ``data-line``. ``heading`` makes HTML of a title.
    """
    titles = [_("Layer (type)"), _("Output shape"), _("Parameters"), _("Multiply-adds"), _("Name")]
    if windows:
        titles.append(_("Window"))
    lines = any(row.line is not None for row in shown)
    if lines:
        titles.append(_("Line"))
    body = "".join(_layer(row, windows, lines) for row in shown)
    counted = _("Total")
    if trace.failure:
        body += _broken(trace.failure, len(titles), brief)
        counted = counted if brief else totals_count()
    body += total((counted, "", f"{trace.total_params:,}", f"{trace.macs:,}", *[""] * (len(titles) - 4)))
    sides = ["left", "right", "right", "right", *["left"] * (len(titles) - 4)]
    if lines:
        sides[-1] = "right"
    return table(zip(titles, sides, strict=True), body, heading)


def totals_count() -> str:
    """What the totals below a table that ends early count."""
    return _("Total: parameters of all layers, multiply-adds of the rows above")


def table(titles: Iterable[tuple[str, str]], body: str, heading: Callable[[str], str] = escape) -> str:
    """A table with the rows ``body`` (HTML) under ``titles``, each with its alignment; a wide table scrolls.

    ``heading`` makes HTML of a title.
    """
    head = "".join(
        f'<th scope="col"{_NUMBER if side == "right" else ""}>{heading(text)}</th>' for text, side in titles
    )
    # One that scrolls must be in reach of the keyboard.
    scrolls = f'role="group" tabindex="0" aria-label="{escape(_("Table"))}"'
    return f'<div class="cnnviz-table" {scrolls}><table><tr>{head}</tr>{body}</table></div>'


def numbers(texts: Iterable[str]) -> str:
    """A cell for each of ``texts``, right-aligned so that the digits of numbers line up."""
    return "".join(f"<td{_NUMBER}>{escape(text)}</td>" for text in texts)


def words(texts: Iterable[str]) -> str:
    """A left-aligned cell for each of ``texts``."""
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def total(texts: Sequence[str]) -> str:
    """The last row of a table: its title, and below each other column what it comes to."""
    return f'<tr class="cnnviz-total">{words(texts[:1])}{numbers(texts[1:])}</tr>'


def _layer(row: Row, windows: bool, lines: bool) -> str:
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
        + (f'<td class="cnnviz-faint">{escape(row.window)}</td>' if windows else "")
        + (numbers(("" if row.line is None else f"{row.line:,}",)) if lines else "")
    )
    container = ' class="cnnviz-container"' if row.container else ""
    return f"<tr{container}{_from_line(row.line)}>{cells}</tr>"


def _from_line(line: int | None) -> str:
    """What ties a row of a table to a line (from 1) of the text, for the editor of that text."""
    return "" if line is None else f' data-line="{line}"'


def _broken(failure: Failure, columns: int, brief: bool) -> str:
    """The last row of a table that ends early."""
    text = f"✗ {failure.type} · {failure.name if brief else failure.message}"
    cell = f'<td colspan="{columns}" class="cnnviz-broken">{escape(text)}</td>'
    return f"<tr{_from_line(failure.line)}>{cell}</tr>"

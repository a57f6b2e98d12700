"""Summary tables and derivations for the terminal: as plain text, or as JSON values for ``--json``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cnnviz.language import translate as _
from cnnviz.operations.op import WINDOW, Failure, ModuleCall, Op, shape_text
from cnnviz.shapes.derivation import Derivation, Step
from cnnviz.shapes.table import Row, notes, rows, sizes, totals_count
from cnnviz.shapes.warnings import NetworkWarning, warnings
from cnnviz.tracing.trace import Trace

_WIDTH = 64
_MEGABYTE = 1024**2


def torchsummary_text(trace: Trace, diagnosis: bool = True, layers: Sequence[Row] | None = None) -> str:
    """The table exactly as torchsummary 1.5 prints it, wherever that table is correct.

    Reused weights count once, and what is declared but not executed is listed below the table. If the forward
    pass fails, the last line says why, or without ``diagnosis`` only where. ``layers`` are the rows of the trace,
    if you have them already.
    """
    shown = rows(trace) if layers is None else layers
    lines = ["-" * _WIDTH, f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}", "=" * _WIDTH]
    lines += [f"{row.label:>20}  {_bracketed(row):>25} {row.params:>15,}" for row in shown]
    lines += ["=" * _WIDTH, *_totals(trace, shown), *_endings(trace, diagnosis)]
    return "\n".join(lines)


def table_text(trace: Trace, diagnosis: bool = True) -> str:
    """The full table: names, functional operations, multiply-adds, and notes.

    ``diagnosis`` is as in :func:`torchsummary_text`.
    """
    table: list[tuple[str, ...]] = [
        (_("Layer (type)"), _("Output shape"), _("Parameters"), _("Multiply-adds"), _("Window"))
    ]
    table += [_cells(row) for row in rows(trace, functions=True)]
    widths = [max(_columns(line[column]) for line in table) for column in range(5)]
    lines = [_aligned(line, widths) for line in table]
    rule = "-" * max(_columns(line) for line in lines)
    total = _(
        "Parameters: {params}   Multiply-adds: {macs}",
        params=f"{trace.total_params:,}",
        macs=f"{trace.macs:,}",
    )
    counted = [totals_count()] if trace.failure else []
    return "\n".join([lines[0], rule, *lines[1:], rule, *counted, total, *_endings(trace, diagnosis)])


def derivation_text(
    derivation: Derivation, beside: Mapping[str, Sequence[Sequence[Step]]] | None = None
) -> str:
    """A derivation, one step per line, and below it the shape-changing steps in a single line.

    ``beside`` holds the branches of each op in which branches meet, by the op's name; they precede their op.
    """
    head = (
        _("Why {layer} has its shape:", layer=derivation.layer)
        if derivation.failure is None
        else _("{layer} fails. How the shape that arrives there comes about:", layer=derivation.layer)
    )
    start = "  " + _("input: {shape}", shape=shape_text(derivation.input_shape))
    waiting = dict(beside or {})
    lines = list(_step_lines(derivation.steps, waiting, "  "))
    lines += _branch_lines(derivation.layer, waiting, "  ")  # if the pass ended in a merge
    return "\n".join([head, start, *lines, "", derivation.chain])


def _step_lines(
    steps: Sequence[Step], waiting: dict[str, Sequence[Sequence[Step]]], indent: str
) -> Iterator[str]:
    """The steps, each merge preceded by its branches, which are then removed from ``waiting``."""
    for step in steps:
        yield from _branch_lines(step.op.name, waiting, indent)
        yield f"{indent}{step.op.name} ({step.op.type}): {step.substituted}  ->  {shape_text(step.result)}"
        yield f"{indent}    {step.text}"


def _branch_lines(name: str, waiting: dict[str, Sequence[Sequence[Step]]], indent: str) -> Iterator[str]:
    for number, branch in enumerate(waiting.pop(name, ()), 1):
        yield indent + _("branch {number} to {layer}:", number=number, layer=name)
        if not branch:
            yield f"{indent}    " + _("The shortcut passes its input on unchanged.")
        yield from _step_lines(branch, waiting, f"{indent}    ")


def _columns(text: str) -> int:
    """The width of ``text`` in terminal columns; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    """One line of a table, the first and the last cell left-aligned and the others right-aligned."""
    blanks = [" " * (width - _columns(cell)) for cell, width in zip(cells, widths, strict=True)]
    first, *numbers, last = zip(cells, blanks, strict=True)
    return "  ".join([first[0] + first[1], *(blank + cell for cell, blank in numbers), last[0]]).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    indent = "  " * (row.depth - 1)
    shared = (
        " " + _("(shared)") if row.reused and row.kind in ("convolution", "linear", "normalisation") else ""
    )
    macs = f"{row.macs:,}" if row.macs else ""
    params = "" if row.container else f"{row.params:,}"
    return f"{indent}{row.name} ({row.type}){shared}", shape_text(row.output_shape), params, macs, row.window


def _totals(trace: Trace, layers: Sequence[Row]) -> list[str]:
    estimate = sizes(trace, layers)
    frozen = trace.total_params - trace.trainable_params
    return [
        f"Total params: {trace.total_params:,}",
        f"Trainable params: {trace.trainable_params:,}",
        f"Non-trainable params: {frozen:,}",
        "-" * _WIDTH,
        f"Input size (MB): {estimate.input / _MEGABYTE:0.2f}",
        f"Forward/backward pass size (MB): {estimate.activations / _MEGABYTE:0.2f}",
        f"Params size (MB): {estimate.params / _MEGABYTE:0.2f}",
        f"Estimated Total Size (MB): {estimate.total / _MEGABYTE:0.2f}",
        "-" * _WIDTH,
    ]


def _endings(trace: Trace, diagnosis: bool) -> list[str]:
    """The notes and, if the table ends early, the diagnosis."""
    told = notes(trace)
    if trace.failure and not diagnosis:
        told.append(_("The table ends at {name}.", name=trace.failure.name))
    elif trace.failure:
        told.append(
            _("The table ends at {name}: {message}", name=trace.failure.name, message=trace.failure.message)
        )
    return told


def _bracketed(row: Row) -> str:
    """The whole shape with -1 in front: torchsummary takes the first dimension for the batch, whatever it is."""
    return str([-1, *row.layout.full(row.output_shape)[1:]])


def summary_document(name: str, trace: Trace) -> dict[str, Any]:
    """The document of ``summary``; ``name`` is the model as the person named it."""
    return {
        "model": name,
        "input_shape": list(trace.input_shape),
        "total_params": trace.total_params,
        "macs": trace.macs,
        "ops": [_op(op) for op in trace.ops],
        "modules": [_module(call) for call in trace.modules],
        "unexecuted": [asdict(entry) for entry in trace.unexecuted],
        "outputs": [asdict(output) for output in trace.outputs],
        "warnings": [warning_document(warning) for warning in warnings(trace)],
        "failure": _failure(trace.failure),
    }


def warning_document(warning: NetworkWarning) -> dict[str, Any]:
    """A warning as JSON values, its sentences in the current language."""
    return {
        "code": warning.code,
        "name": warning.name,
        "op": warning.op,
        "text": str(warning.text),
        "reason": str(warning.reason),
    }


def derivation_document(
    derivation: Derivation, beside: Mapping[str, Sequence[Sequence[Step]]] | None = None
) -> dict[str, Any]:
    """The document of ``why``; ``beside`` is as in :func:`derivation_text`."""
    return {
        "layer": derivation.layer,
        "steps": [_step(step) for step in derivation.steps],
        "branches": {
            name: [[_step(step) for step in branch] for branch in branches]
            for name, branches in (beside or {}).items()
        },
        "failure": None if derivation.failure is None else _failure(derivation.failure),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "op": step.op.name,
        "rule": step.rule,
        "substituted": step.substituted,
        "result": list(step.result),
        "text": step.text,
    }


def _module(call: ModuleCall) -> dict[str, Any]:
    return {name: value for name, value in asdict(call).items() if name != "layout"}


def _op(op: Op) -> dict[str, Any]:
    return {
        "index": op.index,
        "name": op.name,
        "type": op.type,
        "kind": op.kind,
        "inputs": list(op.inputs),
        "input_shapes": [list(shape) for shape in op.input_shapes],
        "output_shape": list(op.output_shape),
        "params": op.params,
        "macs": op.macs,
        "reused": op.reused,
        **{name: op.window.get(name) for name in WINDOW},
    }


def _failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "name": failure.name,
        "type": failure.type,
        "message": failure.message,
        "expected": failure.expected,
        "received": failure.received,
        "fix": None if failure.fix is None else asdict(failure.fix),
        "mends": [
            {
                "text": str(mend.text),
                "fix": None if fix is None else asdict(fix),
                "input_shape": None if mend.input_shape is None else list(mend.input_shape),
            }
            for mend, fix in failure.ways_out
        ],
    }

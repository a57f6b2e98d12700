"""A trace as a summary table: its rows and totals as data, and as CSV, Markdown and LaTeX to take home."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnviz.operations.batch_axis import FRONT, Layout
from cnnviz.operations.op import Kind, ModuleCall, Op, Shape, product, shape_text

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
            result.extend(_op_row(op) for op in trace.ops[shown : call.ops_before] if op.module is None)
        shown = max(shown, call.ops_before)
        if call.is_list:  # torchsummary leaves these out
            continue
        number += 1
        result.append(_module_row(call, number, trace))
    if functions:
        result.extend(_op_row(op) for op in trace.ops[shown:] if op.module is None)
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
    )


def _op_row(op: Op) -> Row:
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
    )


_HEAD = ("layer", "name", "output_shape", "parameters", "multiply_adds")
_LATEX_SPECIAL = {"_": r"\_", "#": r"\#", "%": r"\%", "&": r"\&"}


def csv_text(rows: Sequence[Row]) -> str:
    """Comma-separated values with a header; plain numbers, shapes as ``88 x 4 x 4``."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(_HEAD)
    writer.writerows(_plain(row) for row in rows)
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
    return row.label or row.type, row.name, shape_text(row.output_shape), row.params, row.macs


def _readable(row: Row) -> list[str]:
    layer, name, shape, params, macs = _plain(row)
    return [layer, name, shape, f"{params:,}", f"{macs:,}"]


def _escaped(text: str) -> str:
    return "".join(_LATEX_SPECIAL.get(letter, letter) for letter in text)

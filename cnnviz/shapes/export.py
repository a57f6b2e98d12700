"""Summary tables to take home: as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from cnnviz.operations.op import shape_text
from cnnviz.shapes.table import Row

_HEAD = ("layer", "name", "output_shape", "parameters", "multiply_adds")
_LATEX_SPECIAL = {"_": r"\_", "#": r"\#", "%": r"\%", "&": r"\&"}


def csv_text(rows: Sequence[Row]) -> str:
    """Comma-separated values with a head; numbers are plain, shapes read ``88 x 4 x 4``."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(_HEAD)
    writer.writerows(_cells(row) for row in rows)
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


def _cells(row: Row) -> tuple[str, str, str, int, int]:
    return row.label or row.type, row.name, shape_text(row.output_shape), row.params, row.macs


def _readable(row: Row) -> list[str]:
    layer, name, shape, params, macs = _cells(row)
    return [layer, name, shape, f"{params:,}", f"{macs:,}"]


def _escaped(text: str) -> str:
    return "".join(_LATEX_SPECIAL.get(letter, letter) for letter in text)

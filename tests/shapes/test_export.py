from __future__ import annotations

import csv
import io

from cnnviz import architectures
from cnnviz.shapes.table import csv_text, latex_text, markdown_text, rows
from cnnviz.tracing.trace import trace

ROWS = rows(trace(architectures.get("inception-mini").build(), (1, 28, 28)), functions=True)


def test_csv_can_be_read_again() -> None:
    read = list(csv.DictReader(io.StringIO(csv_text(ROWS))))
    assert len(read) == len(ROWS)
    assert sum(int(line["parameters"]) for line in read) == 97298
    assert sum(int(line["multiply_adds"]) for line in read) == 6019200
    assert read[0]["output_shape"] == "10 x 24 x 24"


def test_markdown_has_as_many_cells_in_every_line() -> None:
    lines = markdown_text(ROWS).splitlines()
    assert len(lines) == len(ROWS) + 2
    assert {line.count("|") for line in lines} == {6}
    assert "| Linear-21 | fc | 10 | 14,090 | 14,080 |" in lines


def test_latex_escapes_names() -> None:
    text = latex_text(ROWS)
    assert r"incep1.branch5x5\_1" in text
    assert r"88 $\times$ 12 $\times$ 12" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) > len(ROWS)
    assert all(line.count(" & ") == 4 for line in rows)

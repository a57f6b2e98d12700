"""Executing a notebook from top to bottom, as Jupyter does."""

from __future__ import annotations

import warnings
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode


def executed(text: str, folder: Path) -> NotebookNode:
    """The notebook with its outputs, executed in a kernel that does not know cnnviz and works in ``folder``."""
    notebook = nbformat.reads(text, as_version=4)
    hidden = nbformat.v4.new_code_cell("import sys\nsys.modules['cnnviz'] = None", id="hidden")
    notebook.cells.insert(0, hidden)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client's own
        client = NotebookClient(
            notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    del notebook.cells[0]
    return notebook


def printed(notebook: NotebookNode) -> list[str]:
    """What each code cell prints."""
    return [
        "".join(output.get("text", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]

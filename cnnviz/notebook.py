"""Jupyter notebooks (nbformat 4.5): cells of text and of code, the same bytes for the same cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A cell of Markdown."""

    text: str


@dataclass(frozen=True)
class Code:
    """A cell of Python; where it is ``hidden``, Jupyter shows its code when one clicks it."""

    text: str
    hidden: bool = False


def notebook(cells: Sequence[Words | Code]) -> str:
    """The text of an ``.ipynb`` file with these ``cells``, which any Jupyter opens; nothing is executed yet."""
    import nbformat
    from nbformat import v4

    made = []
    for number, cell in enumerate(cells, 1):
        new = v4.new_code_cell if isinstance(cell, Code) else v4.new_markdown_cell
        is_hidden = isinstance(cell, Code) and cell.hidden
        metadata = {"jupyter": {"source_hidden": True}} if is_hidden else {}
        made.append(new(cell.text.strip("\n"), id=f"cell-{number}", metadata=metadata))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = v4.new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    nbformat.validate(whole)
    return str(nbformat.writes(whole)) + "\n"

"""What a person may take home from the Architecture page: the table, and the network's source code."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.architectures import Architecture
from cnnviz.language import translate as _
from cnnviz.ui import cached

if TYPE_CHECKING:
    from cnnviz.shapes.table import Row


def downloads(key: str, rows: Sequence[Row]) -> None:
    """The table as CSV, Markdown and LaTeX."""
    from cnnviz.shapes import export

    forms = (
        ("CSV", "csv", export.csv_text),
        ("Markdown", "md", export.markdown_text),
        ("LaTeX", "tex", export.latex_text),
    )
    with st.container(horizontal=True):
        for title, ending, write in forms:
            st.download_button(
                title,
                write(rows),
                file_name=f"{key}.{ending}",
                icon=":material/download:",
                key=f"download-{ending}",
                on_click="ignore",
            )


def source(architecture: Architecture) -> None:
    """The file that defines the network, as it is, to read and to take along."""
    module = inspect.getmodule(type(cached.on_meta(architecture.key)))
    if module is None:
        return
    code = inspect.getsource(module)
    with st.expander(_("The network's own code, in PyTorch")):
        st.code(code, language="python")
        st.download_button(
            _("Download"),
            code,
            file_name=f"{architecture.key.replace('-', '_')}.py",
            icon=":material/download:",
            key="download-source",
            on_click="ignore",
        )

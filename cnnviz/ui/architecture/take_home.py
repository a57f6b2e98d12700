"""What a person may take home from the Architecture page: the table, the code, and a link to the view."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.ui.architecture.network import Network, Subject
from cnnviz.ui.shared import cached

if TYPE_CHECKING:
    from cnnviz.shapes.table import Row


def downloads(name: str, rows: Sequence[Row]) -> None:
    """The table as CSV, Markdown and LaTeX."""
    from cnnviz.shapes import table

    forms = (
        ("CSV", "csv", table.csv_text),
        ("Markdown", "md", table.markdown_text),
        ("LaTeX", "tex", table.latex_text),
    )
    with st.container(horizontal=True):
        for title, ending, write in forms:
            st.download_button(
                title,
                partial(write, rows),  # written when somebody asks for it
                file_name=f"{_file_name(name)}.{ending}",
                icon=":material/download:",
                key=f"download-{ending}",
                on_click="ignore",
            )


def source(network: Network) -> None:
    """The file that defines the network, as it is."""
    path, text = cached.source(network.name)
    st.caption(f"`{path}`")
    st.code(text, language="python", height=_HEIGHT)


_HEIGHT = 640


def code(subject: Subject) -> None:
    """A file that runs by itself, the file that defines the network, and the link to this view."""
    network, edits, traced = subject.network, subject.edits, subject.trace
    text = cached.runnable(network.name, traced.input_shape, edits)
    name = f"{_file_name(network.name).replace('-', '_')}.py"
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(_("Standalone file"), anchor=False)
        st.write(
            _(
                "With your choices and without cnnviz: `python {name}` builds the network and prints "
                "its output shape.",
                name=name,
            )
        )
        st.download_button(
            _("Download"),
            text,
            file_name=name,
            icon=":material/download:",
            key="download-source",
            on_click="ignore",
        )
        st.code(text, language="python", height=_HEIGHT)
    with right:
        st.subheader(_("Source file"), anchor=False)
        source(network)


def link() -> None:
    """The address of what is on the page, to copy."""
    address = (st.context.url or "").partition("?")[0]
    with st.popover(_("Link"), icon=":material/link:", help=_("A link to exactly this view")):
        st.write(_("The address contains every choice on this page. Copy it to share this view."))
        st.code(f"{address}?{urlencode(_parameters())}", language=None, wrap_lines=True)


def _parameters() -> list[tuple[str, str]]:
    return [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]


def _file_name(name: str) -> str:
    return name.rpartition(":")[2]
